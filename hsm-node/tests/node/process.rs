//! The binary: its ready line, how it ends, and what it says when it cannot start.
use crate::bed::Bed;
use hsm_client::{DISK_STATUS, PORT_STATUS};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub(crate) fn spawn(dir: &Path, listen: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_hsm-node"))
        .args(["--listen", listen, "--dir"])
        .arg(dir)
        .env("RUST_LOG", "info")
        // As `fleet` starts it.
        .env("MALLOC_MMAP_THRESHOLD_", "131072")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The ready line.
pub(crate) fn ready(child: &mut Child) -> serde_json::Value {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

/// What a node that cannot start says, and the exit status that whoever has started it acts on.
fn refusal(dir: &Path, listen: &str, status: u8) -> String {
    let mut child = spawn(dir, listen);
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(status.into()), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

#[test]
fn it_says_where_it_listens_and_ends_with_its_parent_or_a_signal() {
    let bed = Bed::new();
    let dir = bed.folder(3);
    let mut child = spawn(&dir, "127.0.0.1:0");
    let line = ready(&mut child);
    assert_eq!(line["hsm_id"], "hsm-00000000003");
    assert_eq!(line["pid"], child.id());
    assert!(line["address"].as_str().unwrap().starts_with("127.0.0.1:"));
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));

    for signal in ["-TERM", "-INT"] {
        let mut child = spawn(&dir, "127.0.0.1:0");
        ready(&mut child);
        let pid = child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{signal}");
    }
}

#[test]
fn it_names_the_thing_that_keeps_it_from_starting() {
    let bed = Bed::new();
    let dir = bed.folder(3);
    let mut running = spawn(&dir, "127.0.0.1:0");
    ready(&mut running);
    let said = refusal(&dir, "127.0.0.1:0", 1);
    assert!(said.contains("another hsm-node is running in") && said.contains("hsm-00000000003"));
    drop(running.stdin.take());
    assert_eq!(running.wait().unwrap().code(), Some(0));

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let said = refusal(&dir, &format!("127.0.0.1:{port}"), PORT_STATUS);
    assert!(said.contains(&format!("port {port} of 127.0.0.1 is taken")), "{said}");

    let key = fs::read(dir.join("master.key")).unwrap();
    fs::remove_file(dir.join("master.key")).unwrap();
    let said = refusal(&dir, "127.0.0.1:0", DISK_STATUS);
    assert!(said.contains("master.key: No such file"), "{said}");
    fs::write(dir.join("master.key"), "5a".repeat(32)).unwrap();
    let said = refusal(&dir, "127.0.0.1:0", DISK_STATUS);
    assert!(said.contains("master.key is not the one"), "{said}");
    fs::write(dir.join("master.key"), key).unwrap();
    let said = refusal(&dir.join("nowhere"), "127.0.0.1:0", DISK_STATUS);
    assert!(said.contains("nowhere/node.json: No such file"), "{said}");

    // An HSM that was used is never made anew under its number.
    let mut again = spawn(&dir, "127.0.0.1:0");
    ready(&mut again);
    drop(again.stdin.take());
    assert_eq!(again.wait().unwrap().code(), Some(0));
    fs::remove_dir_all(dir.join("store")).unwrap();
    for _ in 0..2 {
        let said = refusal(&dir, "127.0.0.1:0", DISK_STATUS);
        assert!(said.contains("the HSM's records are gone"), "{said}");
    }
}

#[test]
fn it_complains_of_strangers_and_not_of_those_who_hang_up() {
    let bed = Bed::new();
    let mut child = spawn(&bed.folder(3), "127.0.0.1:0");
    let line = ready(&mut child);
    let address = line["address"].as_str().unwrap();
    drop(TcpStream::connect(address).unwrap());
    let mut stranger = TcpStream::connect(address).unwrap();
    stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let complaint = said.find(|line| line.contains("WARN")).unwrap();
    assert!(complaint.contains("it does not speak TLS"), "{complaint}");
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

//! Node processes die, are held, released and stopped; the node is a script that is ready at once.
#![allow(clippy::unwrap_used)]

use fleet::{Event, Fleet, FleetError, Launch, Layout, NodeView, Roster, hold, provision, release};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::sync::mpsc::Receiver;

const READY: &str = r#"
id=$(sed -n 's/.*"hsm_id": "\(.*\)",.*/\1/p' "$2/node.json")
echo "{\"hsm_id\":\"$id\",\"address\":\"127.0.0.1:1\",\"pid\":$$}"
exec cat >/dev/null
"#;

struct Place {
    _folder: TempDir,
    layout: Layout,
    roster: Roster,
    launch: Launch,
}

/// Two nodes whose program is this script.
fn place(script: &str, restart: bool) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::new(folder.path());
    let roster = provision(&layout, Some(2), &["a", "b"], None).unwrap();
    let path = folder.path().join("node.sh");
    std::fs::write(&path, script).unwrap();
    let launch = Launch {
        program: "/bin/sh".into(),
        arguments: vec![path.to_str().unwrap().to_owned()],
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        base_port: 0,
        restart,
    };
    Place { _folder: folder, layout, roster, launch }
}

async fn start(place: &Place) -> (Fleet, Receiver<Event>) {
    Fleet::start(&place.layout, &place.roster, place.launch.clone()).await.unwrap()
}

fn pid(node: &NodeView) -> Pid {
    Pid::from_raw(node.pid.unwrap().try_into().unwrap())
}

fn is_alive(pid: Pid) -> bool {
    kill(pid, None).is_ok()
}

#[tokio::test]
async fn a_crashed_node_is_started_again_and_all_end_with_the_fleet() {
    let place = place(READY, true);
    let (fleet, mut events) = start(&place).await;
    let before = fleet.nodes();
    kill(pid(&before[1]), Signal::SIGKILL).unwrap();
    let Some(Event::Died { hsm_id, how, held: false }) = events.recv().await else { panic!() };
    assert_eq!((hsm_id.as_str(), how.as_str()), (before[1].hsm_id.as_str(), "SIGKILL"));
    assert!(matches!(events.recv().await, Some(Event::Restarted { .. })));
    let after = fleet.nodes();
    assert_eq!(after[0].pid, before[0].pid);
    assert_ne!(after[1].pid, before[1].pid);
    // A frozen node ends too.
    kill(pid(&after[0]), Signal::SIGSTOP).unwrap();
    fleet.stop().await;
    assert!(after.iter().all(|node| !is_alive(pid(node))));
}

#[tokio::test]
async fn a_held_node_stays_down_until_it_is_released() {
    for restart in [true, false] {
        let place = place(READY, restart);
        let (fleet, mut events) = start(&place).await;
        let node = &fleet.nodes()[0];
        let folder = place.layout.node(&node.hsm_id);
        if restart {
            hold(&folder).unwrap();
        }
        kill(pid(node), Signal::SIGKILL).unwrap();
        assert!(matches!(events.recv().await, Some(Event::Died { held: true, .. })));
        assert_eq!(fleet.nodes()[0].pid, None);
        release(&folder).unwrap();
        assert!(matches!(events.recv().await, Some(Event::Restarted { .. })));
        assert!(fleet.nodes()[0].pid.is_some());
        fleet.stop().await;
    }
}

#[tokio::test]
async fn a_node_that_does_not_start_says_why() {
    let place = place("echo 'the store is of another world' >&2; exit 1", true);
    let started = Fleet::start(&place.layout, &place.roster, place.launch.clone()).await;
    let Err(error @ FleetError::NodeFailed { .. }) = started else { panic!() };
    assert!(error.to_string().ends_with("the store is of another world"), "{error}");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let mut place = place(READY, true);
    place.launch.program = "/no/such/program".into();
    let started = Fleet::start(&place.layout, &place.roster, place.launch.clone()).await;
    let error = started.err().unwrap().to_string();
    assert!(error.contains("cannot run /no/such/program"), "{error}");
}

#[tokio::test]
async fn nodes_do_not_inherit_our_passwords() {
    const PASSWORDS: [&str; 2] = ["CLOUDHSM_PIN", "CLOUDHSM_KMSUSER_PASSWORD"];
    if PASSWORDS.iter().any(|name| std::env::var_os(name).is_none()) {
        // Once more, in a process that has them.
        let mut again = tokio::process::Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", "nodes_do_not_inherit_our_passwords"]);
        again.envs(PASSWORDS.map(|name| (name, "user:password1")));
        assert!(again.status().await.unwrap().success());
        return;
    }
    let place = place(&format!("! env | grep -q password1 || exit 1{READY}"), true);
    let (fleet, _events) = start(&place).await;
    fleet.stop().await;
}

/// A node that does not start where this file of its folder is.
fn failing(file: &str, status: u8) -> String {
    format!(
        r#"
at=${{3#--listen=}}
if [ "$at" = "$(cat "$2/{file}" 2>/dev/null)" ]; then echo 'it fails' >&2; exit {status}; fi
id=$(sed -n 's/.*"hsm_id": "\(.*\)",.*/\1/p' "$2/node.json")
echo "{{\"hsm_id\":\"$id\",\"address\":\"$at\",\"pid\":$$}}"
exec cat >/dev/null
"#
    )
}

/// One node at a port that nobody has.
async fn one_that_fails(status: u8) -> (Place, Fleet, Receiver<Event>, std::path::PathBuf) {
    let mut place = place(&failing("fails-at", status), true);
    place.roster.nodes.truncate(1);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    place.launch.base_port = free.local_addr().unwrap().port();
    drop(free);
    let (fleet, mut events) = start(&place).await;
    let node = &fleet.nodes()[0];
    let file = place.layout.node(&node.hsm_id).join("fails-at");
    std::fs::write(&file, node.address.to_string()).unwrap();
    kill(pid(node), Signal::SIGKILL).unwrap();
    assert!(matches!(events.recv().await, Some(Event::Died { held: false, .. })));
    assert!(matches!(events.recv().await, Some(Event::Said { .. })));
    assert!(matches!(events.recv().await, Some(Event::Trouble { .. })));
    (place, fleet, events, file)
}

#[tokio::test]
async fn a_node_whose_port_another_program_has_takes_another() {
    let (_place, fleet, mut events, _) = one_that_fails(hsm_client::PORT_STATUS).await;
    let before = &fleet.nodes()[0];
    let trouble = fleet.trouble(&before.hsm_id).unwrap();
    assert!(!trouble.disk && trouble.why.ends_with("it fails"), "{trouble:?}");
    let moved = loop {
        match events.recv().await.unwrap() {
            Event::Moved { address, .. } => break address,
            Event::Said { .. } | Event::Restarted { .. } => {}
            other => panic!("{other:?}"),
        }
    };
    let after = &fleet.nodes()[0];
    assert_eq!(after.address, moved);
    assert!(moved != before.address && moved.port() > before.address.port(), "{moved}");
    assert_eq!(fleet.trouble(&after.hsm_id), None);
    fleet.stop().await;
}

#[tokio::test]
async fn a_node_says_by_its_exit_status_that_its_disk_is_broken() {
    for (status, disk) in [(hsm_client::DISK_STATUS, true), (1, false)] {
        let (_place, fleet, mut events, file) = one_that_fails(status).await;
        let hsm_id = fleet.nodes()[0].hsm_id.clone();
        assert_eq!(fleet.trouble(&hsm_id).unwrap().disk, disk);
        // It is tried again all the same.
        std::fs::remove_file(file).unwrap();
        while !matches!(events.recv().await.unwrap(), Event::Restarted { .. }) {}
        assert_eq!(fleet.trouble(&hsm_id), None);
        fleet.stop().await;
    }
}

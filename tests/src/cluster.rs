//! A whole cluster through the shipped program: `up` in a temporary folder, on free ports.
use crate::postgres;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// A running `up`. Dropped, it is killed, and its nodes end with it.
pub struct Up {
    program: PathBuf,
    folder: PathBuf,
    child: Child,
    /// What it has printed up to the line that says it is ready.
    pub said: String,
    later: Arc<Mutex<String>>,
    _temporary: Option<TempDir>,
}

/// A folder for a cluster, gone at the end of the test.
pub fn folder() -> TempDir {
    TempDir::with_prefix("cloudhsm-sim-test-").unwrap()
}

impl Up {
    /// Starts `up` in a folder of its own and waits until it is ready.
    pub fn start(program: &str, arguments: &[&str]) -> Self {
        let temporary = folder();
        let mut up = Self::start_in(program, temporary.path(), arguments);
        up._temporary = Some(temporary);
        up
    }

    /// Starts `up` in this folder and waits until it is ready.
    pub fn start_in(program: &str, folder: &Path, arguments: &[&str]) -> Self {
        Self::start_as(Command::new(program), program, folder, arguments)
    }

    /// Like [`Self::start_in`], by a command that runs the program under other circumstances.
    pub fn start_as(
        mut command: Command,
        program: &str,
        folder: &Path,
        arguments: &[&str],
    ) -> Self {
        let ready = folder.join("ready-for-test.json");
        let _ = std::fs::remove_file(&ready);
        let endpoint = match arguments.contains(&"--no-endpoint") {
            true => &[][..],
            false => &["--endpoint-port", "0"],
        };
        let asked = arguments.contains(&"--no-endpoint") || arguments.contains(&"--database");
        if let Some(database) = (!asked).then(|| postgres::database_for(folder)).flatten() {
            command.env("CLOUDHSM_SIM_DATABASE", database);
        }
        let mut child = command
            .args(["up", "--base-port", "0", "--state"])
            .arg(folder)
            .args(endpoint)
            .arg("--ready-file")
            .arg(&ready)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !ready.exists() {
            let before = said.len();
            if lines.read_line(&mut said).unwrap() == 0 || said.len() == before {
                let status = child.wait().unwrap();
                panic!("`up` ended ({status}) before it was ready:\n{said}");
            }
        }
        let later = Arc::new(Mutex::new(String::new()));
        let hears = later.clone();
        std::thread::spawn(move || {
            let mut line = String::new();
            while lines.read_line(&mut line).is_ok_and(|length| length > 0) {
                *hears.lock().unwrap() += &line;
                line.clear();
            }
        });
        let (program, folder) = (program.into(), folder.to_owned());
        Self { program, folder, child, said, later, _temporary: None }
    }

    /// What it has printed since it is ready.
    pub fn said_later(&self) -> String {
        self.later.lock().unwrap().clone()
    }

    /// The program that runs it.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The process of `up` itself.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// The state folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// ready.json, read anew.
    pub fn ready(&self) -> Value {
        let text = std::fs::read_to_string(self.folder.join("ready.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// The id of the cluster.
    pub fn cluster_id(&self) -> String {
        self.ready()["cluster_id"].as_str().unwrap().to_owned()
    }

    /// The process of node `n`, from 0.
    pub fn pid(&self, n: usize) -> Pid {
        let pid = self.ready()["nodes"][n]["pid"].as_i64().unwrap();
        Pid::from_raw(pid.try_into().unwrap())
    }

    /// The id of node `n`, from 0.
    pub fn hsm_id(&self, n: usize) -> String {
        self.ready()["nodes"][n]["hsm_id"].as_str().unwrap().to_owned()
    }

    /// The PIN of a user of ready.json: `admin` or `example_user`.
    pub fn pin(&self, user: &str) -> String {
        let ready = self.ready();
        let text = |name: &str| ready[user][name].as_str().unwrap().to_owned();
        format!("{}:{}", text("username"), text("password"))
    }

    /// Runs another command of the program on this cluster.
    pub fn ctl(&self, login: Option<(&str, &str)>, arguments: &[&str], input: &str) -> Output {
        let mut command = Command::new(&self.program);
        command.arg("--state").arg(&self.folder).args(arguments);
        command.env_remove("CLOUDHSM_ROLE").env_remove("CLOUDHSM_PIN");
        if let Some((role, pin)) = login {
            command.env("CLOUDHSM_ROLE", role).env("CLOUDHSM_PIN", pin);
        }
        run(&mut command, input)
    }

    /// Runs a CLI command that must succeed, and gives its `data`.
    pub fn data(&self, login: Option<(&str, &str)>, arguments: &[&str]) -> Value {
        let output = self.ctl(login, arguments, "");
        let answer = answer(&output);
        assert!(output.status.success() && answer["error_code"] == 0, "{arguments:?}: {answer}");
        answer["data"].clone()
    }

    /// Runs a command that must succeed, and gives what it printed.
    pub fn data_text(&self, arguments: &[&str]) -> String {
        let output = self.ctl(None, arguments, "");
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        text(&output)
    }

    /// Runs a CLI command that must fail, and gives its message.
    pub fn refusal(&self, login: Option<(&str, &str)>, arguments: &[&str]) -> String {
        let output = self.ctl(login, arguments, "");
        let answer = answer(&output);
        assert!(!output.status.success() && answer["error_code"] == 1, "{arguments:?}: {answer}");
        answer["data"].as_str().unwrap().to_owned()
    }

    /// Ends `up` as Ctrl-C does; its exit status must be 0.
    pub fn stop(mut self) {
        self.signal(Signal::SIGINT);
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }

    /// Sends a signal to `up` itself.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program with this input to its end.
pub fn run(command: &mut Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program may end without having read all.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// The JSON that a CLI command printed.
pub fn answer(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        panic!(
            "not JSON: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

/// Standard output and standard error, as a person sees them.
pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// The words that create a CU.
pub fn create_user<'a>(name: &'a str, password: &'a str) -> [&'a str; 8] {
    let role = "crypto-user";
    ["user", "create", "--username", name, "--role", role, "--password", password]
}

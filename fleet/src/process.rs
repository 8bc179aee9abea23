//! One node process: started, heard until it is ready, its log kept, ended.
use crate::supervise::{Event, Launch};
use crate::{Cause, FleetError, Seat};
use hsm_client::{DISK_STATUS, PORT_STATUS};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// A full store of the largest HSM type is read well within this.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// How long a node may take to end by itself; `up` as a whole stops within two seconds.
const STOP_WITHIN: Duration = Duration::from_millis(1_200);
/// What an HSM listens on at an address of its own.
const PORTS: std::ops::RangeInclusive<u16> = 2223..=2225;
/// A node's log starts anew when it is longer than this.
const LOG_MAX: u64 = 4 * 1024 * 1024;

/// A running node.
pub(crate) struct Process {
    child: Child,
    /// Nodes end when this closes, which it does with our own process, however that ends.
    _stdin: Option<ChildStdin>,
    pub(crate) pid: u32,
    pub(crate) address: SocketAddr,
}

/// The line that a node prints when it listens.
#[derive(Deserialize)]
struct Ready {
    hsm_id: String,
    address: SocketAddr,
    pid: u32,
}

impl Process {
    /// Starts the node of `seat` and waits until it listens: on its own address, or on `port`
    /// (0: any) of the one for all.
    pub(crate) async fn start(
        launch: &Launch,
        seat: &Seat,
        folder: &Path,
        port: u16,
        events: &mpsc::Sender<Event>,
    ) -> Result<Self, FleetError> {
        let ended = |cause: Cause, why: String| FleetError::NodeFailed {
            hsm_id: seat.hsm_id.clone(),
            why,
            cause,
        };
        let failed = |why: String| ended(Cause::Other, why);
        let mut child = Command::new(&launch.program)
            .args(&launch.arguments)
            .arg("--dir")
            .arg(folder)
            .args(listen(launch, seat, port))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C in the terminal is for us alone: nodes stop after the clients are logged out.
            .process_group(0)
            .kill_on_drop(true)
            // Of all our secrets, a node knows what it is told over TLS.
            .env_remove("CLOUDHSM_PIN")
            .env_remove("CLOUDHSM_KMSUSER_PASSWORD")
            .env("NO_COLOR", "1")
            // glibc would keep the freed memory of each password hash: 14 MB a node.
            .env("MALLOC_MMAP_THRESHOLD_", "131072")
            .spawn()
            .map_err(FleetError::file("run", &launch.program))?;
        let stdin = child.stdin.take();
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(failed("it has no output".to_owned()));
        };
        let log = keep_log(seat.hsm_id.clone(), stderr, folder.join("node.log"), events.clone());
        match tokio::time::timeout(READY_WITHIN, ready_line(stdout)).await {
            Ok(Some(ready)) if ready.hsm_id == seat.hsm_id => {
                Ok(Self { child, _stdin: stdin, pid: ready.pid, address: ready.address })
            }
            Ok(Some(ready)) => Err(failed(format!("its folder belongs to {}", ready.hsm_id))),
            Ok(None) => {
                let _ = child.start_kill();
                let status = child.wait().await;
                let (said, cause) = (log.await.unwrap_or_default(), cause(&status));
                Err(ended(cause, if said.is_empty() { describe(status) } else { said }))
            }
            Err(_) => Err(failed(format!("it is not ready after {} s", READY_WITHIN.as_secs()))),
        }
    }

    /// Waits for the process to end; says how it did.
    pub(crate) async fn ended(&mut self) -> String {
        describe(self.child.wait().await)
    }

    /// Ends the process: politely first, also when it is stopped.
    pub(crate) async fn stop(mut self) {
        signal(self.pid, Signal::SIGTERM);
        signal(self.pid, Signal::SIGCONT);
        if tokio::time::timeout(STOP_WITHIN, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}

/// User guide, security groups: 2223 is for clients, 2225 for the management utility, and 2224 is
/// open, too. An HSM that has an address for itself serves all three alike.
fn listen(launch: &Launch, seat: &Seat, port: u16) -> Vec<String> {
    let at = |address: SocketAddr| format!("--listen={address}");
    match seat.address {
        Some(own) => PORTS.map(|port| at((own, port).into())).collect(),
        None => vec![at((launch.address, port).into())],
    }
}

fn signal(pid: u32, signal: Signal) {
    if let Ok(pid) = i32::try_from(pid) {
        // It may be gone already, which is what we want.
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

/// What the node's exit status says.
fn cause(status: &std::io::Result<ExitStatus>) -> Cause {
    let code = status.as_ref().ok().and_then(ExitStatus::code);
    match code.and_then(|code| u8::try_from(code).ok()) {
        Some(DISK_STATUS) => Cause::Disk,
        Some(PORT_STATUS) => Cause::Port,
        _ => Cause::Other,
    }
}

fn describe(status: std::io::Result<ExitStatus>) -> String {
    use std::os::unix::process::ExitStatusExt;
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("exit status {code}"),
            (None, Some(number)) => Signal::try_from(number)
                .map_or(format!("signal {number}"), |signal| signal.as_str().to_owned()),
            (None, None) => "unknown".to_owned(),
        },
        Err(error) => error.to_string(),
    }
}

async fn ready_line(stdout: ChildStdout) -> Option<Ready> {
    let line = BufReader::new(stdout).lines().next_line().await.ok()??;
    serde_json::from_str(&line).ok()
}

/// Copies what a node says to its log, and its complaints to the events; gives the last of them.
fn keep_log(
    hsm_id: String,
    stderr: ChildStderr,
    path: PathBuf,
    events: mpsc::Sender<Event>,
) -> JoinHandle<String> {
    tokio::spawn(async move {
        let mut log = open_log(&path);
        let mut lines = BufReader::new(stderr).lines();
        let mut last = String::new();
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some(file) = &mut log {
                write_log(file, &line);
            }
            if let Some(text) = complaint(&line) {
                last = text.to_owned();
                // A flood is in the log; the events show what they have room for.
                let _ = events.try_send(Event::Said { hsm_id: hsm_id.clone(), text: last.clone() });
            }
        }
        last
    })
}

/// The text of a warning or an error: `time LEVEL text`. What is no log line at all, as the report
/// of a wrong argument, is one too.
fn complaint(line: &str) -> Option<&str> {
    let mut words = line.splitn(2, char::is_whitespace);
    let rest = words.next().filter(|time| time.ends_with('Z')).and_then(|_| words.next());
    let Some((level, rest)) = rest.and_then(|rest| rest.trim_start().split_once(' ')) else {
        return (!line.trim().is_empty()).then_some(line);
    };
    matches!(level, "WARN" | "ERROR").then_some(rest)
}

fn open_log(path: &Path) -> Option<File> {
    OpenOptions::new().create(true).append(true).open(path).ok()
}

/// A log that cannot be written must not stop the node.
fn write_log(file: &mut File, line: &str) {
    if file.metadata().is_ok_and(|m| m.len() > LOG_MAX) {
        let _ = file.set_len(0);
    }
    let _ = writeln!(file, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_told_from_chatter() {
        let line = "2026-01-02T03:04:05.678901Z  WARN no certificate: refused";
        assert_eq!(complaint(line), Some("no certificate: refused"));
        let line = "2026-01-02T03:04:05.678901Z ERROR port 2223 is taken";
        assert_eq!(complaint(line), Some("port 2223 is taken"));
        assert_eq!(complaint("2026-01-02T03:04:05.678901Z  INFO ready"), None);
        assert_eq!(complaint("error: unexpected argument"), Some("error: unexpected argument"));
        assert_eq!(complaint(""), None);
    }
}

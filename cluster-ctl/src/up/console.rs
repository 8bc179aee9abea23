//! What `up` prints: aligned and coloured for people, plain in a pipe, JSON lines for programs.
use crate::options::{NAME, QUIET, WRONG};
use crate::{Ready, StateFolder};
use serde_json::json;
use std::io::Write;
use std::time::Instant;

/// Where `up` prints.
pub(super) struct Console {
    json: bool,
    silent: bool,
    since: Instant,
}

impl Console {
    pub(super) fn new(json: bool) -> Self {
        Self { json, silent: false, since: Instant::now() }
    }

    /// For a cluster that another command needs for itself.
    pub(super) fn silent() -> Self {
        Self { silent: true, ..Self::new(false) }
    }

    /// A line; that nobody reads it any more is no reason to stop.
    fn line(&self, text: std::fmt::Arguments<'_>) {
        if !self.silent {
            let _ = writeln!(anstream::stdout(), "{text}");
        }
    }

    /// A step is done.
    pub(super) fn step(&self, name: &str, lines: &[String]) {
        if self.json {
            return self
                .line(format_args!("{}", json!({"event": "step", "step": name, "text": lines})));
        }
        let mut name = name;
        for text in lines {
            self.line(format_args!("{NAME}{name:<12}{NAME:#} {text}"));
            name = "";
        }
    }

    /// A step could not be done, and `up` goes on without it.
    pub(super) fn problem(&self, name: &str, text: &str) {
        if self.json {
            let line = json!({"event": "problem", "step": name, "text": text});
            return self.line(format_args!("{line}"));
        }
        self.line(format_args!("{WRONG}{name:<12}{WRONG:#} {text}"));
    }

    /// Something happened.
    pub(super) fn event(&self, text: &str) {
        let seconds = self.since.elapsed().as_secs_f64();
        if self.json {
            return self.line(format_args!(
                "{}",
                json!({"event": "happened", "seconds": seconds, "text": text})
            ));
        }
        self.line(format_args!("{QUIET}{seconds:>10.1} s{QUIET:#} {text}"));
    }

    /// The step that was asked for is reached.
    pub(super) fn ready(&self, folder: &StateFolder, ready: &Ready) {
        if self.json {
            return self.line(format_args!("{}", json!({"event": "ready", "ready": ready})));
        }
        let seconds = self.since.elapsed().as_secs_f64();
        let text = format!("after {seconds:.2} s; Ctrl-C stops everything, and nothing is lost");
        self.step("ready", &[text]);
        self.line(format_args!("\nTry next, in another terminal:"));
        for command in next_commands(folder, ready) {
            self.line(format_args!("  {command}"));
        }
        self.line(format_args!(""));
    }
}

/// What can be done with a cluster in this state.
fn next_commands(folder: &StateFolder, ready: &Ready) -> Vec<String> {
    let program = program(std::env::args().next());
    let default = StateFolder::locate(None).is_ok_and(|it| it.path() == folder.path());
    let place = quoted(&folder.path().display().to_string());
    let state = if default { String::new() } else { format!(" --state {place}") };
    let ours = |words: &str| format!("{program}{state} {words}");
    if ready.state == "UNINITIALIZED" {
        let id = &ready.cluster_id;
        return vec![
            format!("cd {place}"),
            format!(
                "openssl x509 -req -days 3652 -in {id}_ClusterCsr.csr -CA customerCA.crt \
                 -CAkey customerCA.key -CAcreateserial -out {id}_CustomerHsmCertificate.crt"
            ),
            ours(&format!(
                "initialize-cluster --signed-cert {id}_CustomerHsmCertificate.crt \
                 --trust-anchor customerCA.crt"
            )),
        ];
    }
    if ready.state == "INITIALIZED" {
        return vec![ours("cluster activate")];
    }
    let admin = ready.admin.as_ref().map_or("admin:PASSWORD".to_owned(), |admin| {
        format!("{}:{}", admin.username, admin.password.expose())
    });
    let mut commands = vec![ours("cluster hsm-info"), ours("user list")];
    if ready.kmsuser.is_none() {
        commands.push(format!(
            "CLOUDHSM_ROLE=admin CLOUDHSM_PIN={admin} {}",
            ours("user create --username kmsuser --role crypto-user --password kmsPswd")
        ));
    }
    if let Some(user) = &ready.example_user {
        let pin = format!("{}:{}", user.username, user.password.expose());
        let login = format!("CLOUDHSM_ROLE=crypto-user CLOUDHSM_PIN={pin}");
        let make = ours("key generate-symmetric aes --label my-key --key-length-bytes 32");
        commands.push(format!("{login} {make}"));
        commands.push(format!("{login} {}", ours("key list --verbose")));
    }
    commands.push(ours("mgmt"));
    if ready.nodes.len() > 1 {
        commands.push(ours("sim kill 2"));
    }
    if let Some(url) = &ready.endpoint {
        commands.push(format!("AWS_ENDPOINT_URL={url} aws kms describe-custom-key-stores"));
    }
    commands
}

/// As a shell finds it from any folder: by its name if it was, else by its whole path.
fn program(called: Option<String>) -> String {
    let called = called.unwrap_or_else(|| "cluster-ctl".to_owned());
    let whole = std::path::absolute(&called).ok().filter(|_| called.contains('/'));
    quoted(&whole.map_or(called, |path| path.display().to_string()))
}

/// One word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%,".contains(c);
    match word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::tests::example;

    #[test]
    fn a_command_can_be_pasted_into_a_shell() {
        assert_eq!(quoted("/some/where-1.2"), "/some/where-1.2");
        assert_eq!(quoted("/my files/it's"), r"'/my files/it'\''s'");
        assert_eq!(program(Some("cluster-ctl".to_owned())), "cluster-ctl");
        assert!(program(Some("./cluster-ctl".to_owned())).starts_with('/'));
        let folder = StateFolder::locate(Some("/some/where".into())).unwrap();
        let mut ready = example();
        assert!(next_commands(&folder, &ready).join("\n").contains("sim kill 2"));
        ready.nodes.pop();
        assert!(!next_commands(&folder, &ready).join("\n").contains("sim kill"));
    }

    #[test]
    fn the_next_commands_fit_the_state_and_name_the_folder() {
        let folder = StateFolder::locate(Some("/some/where".into())).unwrap();
        let mut ready = example();
        ready.example_user = ready.admin.clone();
        let all = |ready: &Ready| next_commands(&folder, ready).join("\n");
        assert!(all(&ready).contains("--state /some/where key list"));
        // As after an activation by hand: kmsuser is there, and nobody else is known.
        (ready.admin, ready.example_user) = (None, None);
        assert!(!all(&ready).contains("kmsuser"), "{}", all(&ready));
        ready.kmsuser = None;
        assert!(all(&ready).contains("user create --username kmsuser"));
        ready.state = "INITIALIZED".to_owned();
        assert!(all(&ready).ends_with("cluster activate"));
        ready.state = "UNINITIALIZED".to_owned();
        assert!(all(&ready).contains("-in cluster-igklspoyj5v_ClusterCsr.csr"));
    }
}

//! The state folder: where it is, who uses it, and `ready.json`, by which scripts find the cluster.
use crate::Failure;
use fleet::{Layout, read, write_secret};
use proto::Secret;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A state folder, by its path.
#[derive(Clone, Debug)]
pub struct StateFolder(Layout);

/// `ready.json`: where the running cluster is, and the passwords that `up` made (mode 0600).
#[derive(Clone, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Ready {
    pub cluster_id: String,
    pub region: String,
    pub account: String,
    /// UNINITIALIZED, INITIALIZED or ACTIVE.
    pub state: String,
    pub customer_ca: PathBuf,
    pub client_cert: PathBuf,
    pub client_key: PathBuf,
    pub nodes: Vec<ReadyNode>,
    /// `null` until `up` activated the cluster; stays so if a person did.
    pub admin: Option<Credentials>,
    pub kmsuser: Option<Username>,
    pub example_user: Option<Credentials>,
    /// The URL of the AWS endpoint, when there is one.
    pub endpoint: Option<String>,
    /// What the endpoint's `/_sim/` asks for (`X-Sim-Token`) with `--auth strict` or on an address
    /// that is not loopback; `null` where it asks for nothing.
    #[serde(default, serialize_with = "show_if_any", deserialize_with = "take_if_any")]
    pub sim_token: Option<Secret>,
}

/// A node in `ready.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ReadyNode {
    pub hsm_id: String,
    /// `host:port`.
    pub address: String,
    pub zone: String,
    /// `null` while the process does not run.
    pub pid: Option<u32>,
}

/// A user whose password is known here.
#[derive(Clone, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Credentials {
    pub username: String,
    #[serde(serialize_with = "show", deserialize_with = "take")]
    pub password: Secret,
}

/// A user whose password is not known here.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Username {
    pub username: String,
}

fn show<S: serde::Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(secret.expose())
}

fn take<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
    String::deserialize(from).map(Secret::new)
}

fn show_if_any<S: serde::Serializer>(secret: &Option<Secret>, to: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(Secret::expose).serialize(to)
}

fn take_if_any<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(Secret::new))
}

/// While this lives, no other `up` works in the folder.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "the lock is on the open file")] File);

/// A command that looks whether an `up` runs has the lock for a moment: not a reason to give up.
const LOCK_TRIES: u32 = 10;
const LOCK_TICK: Duration = Duration::from_millis(10);

impl StateFolder {
    /// The folder that was named, or the default one: `cloudhsm-sim` in the XDG data folder.
    pub fn locate(named: Option<PathBuf>) -> Result<Self, Failure> {
        let path = match named {
            Some(path) => std::path::absolute(path)?,
            None => directories::ProjectDirs::from("", "", "cloudhsm-sim")
                .map(|dirs| dirs.data_dir().to_owned())
                .ok_or_else(|| {
                    Failure::new("there is no home folder: name a state folder with --state DIR")
                })?,
        };
        Ok(Self(Layout::new(path)))
    }

    /// The folder of a cluster that runs.
    pub fn running(named: Option<PathBuf>) -> Result<(Self, Ready), Failure> {
        let folder = Self::locate(named)?;
        let idle = || {
            let path = folder.path().display();
            Failure::new(format!(
                "no cluster runs in {path}: start one with `up`, or name its folder with --state"
            ))
        };
        if !folder.is_in_use() {
            return Err(idle());
        }
        let ready = folder.ready()?.ok_or_else(idle)?;
        Ok((folder, ready))
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        self.0.root()
    }

    /// What fleet keeps in it.
    pub fn layout(&self) -> &Layout {
        &self.0
    }

    /// The configuration of clients, in CloudHSM's own shape.
    pub fn config(&self) -> PathBuf {
        self.path().join("cloudhsm-cli.cfg")
    }

    /// The certificate of the operator.
    pub fn client_cert(&self) -> PathBuf {
        self.path().join("client.crt")
    }

    /// The key of [`Self::client_cert`].
    pub fn client_key(&self) -> PathBuf {
        self.path().join("client.key")
    }

    fn ready_path(&self) -> PathBuf {
        self.path().join("ready.json")
    }

    fn lock_path(&self) -> PathBuf {
        self.path().join("lock")
    }

    /// Takes the folder for this process.
    pub(crate) fn lock(&self) -> Result<Lock, Failure> {
        let path = self.lock_path();
        let mut open = OpenOptions::new();
        open.read(true).write(true).create(true).truncate(false);
        let mut file = open.open(&path).map_err(|e| cannot("use", self.path(), &e))?;
        let mut patience = LOCK_TRIES;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(cannot("lock", &path, &error)),
                Err(TryLockError::WouldBlock) => {}
            }
            patience -= 1;
            if patience == 0 {
                return Err(self.in_use_by(&mut file));
            }
            std::thread::sleep(LOCK_TICK);
        }
        file.set_len(0).map_err(|e| cannot("write", &path, &e))?;
        writeln!(file, "{}", std::process::id()).map_err(|e| cannot("write", &path, &e))?;
        Ok(Lock(file))
    }

    fn in_use_by(&self, lock: &mut File) -> Failure {
        let mut pid = String::new();
        let _ = lock.read_to_string(&mut pid);
        Failure::new(format!(
            "{} is in use by another `up`, process {}: stop that one, or choose another folder \
             with --state DIR and other ports with --base-port",
            self.path().display(),
            pid.trim()
        ))
    }

    /// Does an `up` have the folder?
    fn is_in_use(&self) -> bool {
        File::open(self.lock_path())
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// What `ready.json` says; `None` where there is none.
    pub fn ready(&self) -> Result<Option<Ready>, Failure> {
        let path = self.ready_path();
        if !path.exists() {
            return Ok(None);
        }
        serde_json::from_str(&read(&path)?).map(Some).map_err(|e| {
            let path = path.display();
            Failure::new(format!("{path} is not as `up` writes it ({e}): restore it, or remove it"))
        })
    }

    pub(crate) fn write_ready(&self, ready: &Ready) -> Result<(), Failure> {
        ready.write(&self.ready_path())
    }
}

impl Ready {
    /// Writes it whole, for its owner alone.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Failure> {
        let text = zeroize::Zeroizing::new(serde_json::to_string_pretty(self)? + "\n");
        Ok(write_secret(path, text.as_bytes())?)
    }

    /// The node that a person means by `1` or by `hsm-lgavqitns2a`.
    pub fn node(&self, named: &str) -> Result<&ReadyNode, Failure> {
        let by_number = named.parse::<usize>().ok().and_then(|n| self.nodes.get(n.checked_sub(1)?));
        let found = by_number.or_else(|| self.nodes.iter().find(|n| n.hsm_id == named));
        found.ok_or_else(|| {
            let all = self.nodes.iter().enumerate();
            let all: Vec<_> = all.map(|(at, n)| format!("{} ({})", n.hsm_id, at + 1)).collect();
            Failure::new(format!("there is no HSM {named}: the cluster has {}", all.join(", ")))
        })
    }
}

pub(crate) fn cannot(doing: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot {doing} {}: {error}", path.display()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    pub(crate) fn example() -> Ready {
        let node = |id: &str, pid| ReadyNode {
            hsm_id: id.to_owned(),
            address: "127.0.0.1:2223".to_owned(),
            zone: "us-east-1a".to_owned(),
            pid,
        };
        Ready {
            cluster_id: "cluster-igklspoyj5v".to_owned(),
            region: "us-east-1".to_owned(),
            account: "000000000000".to_owned(),
            state: "ACTIVE".to_owned(),
            customer_ca: "/x/customerCA.crt".into(),
            client_cert: "/x/client.crt".into(),
            client_key: "/x/client.key".into(),
            nodes: vec![node("hsm-lgavqitns2a", Some(7)), node("hsm-ted36yp5b2x", None)],
            admin: Some(Credentials {
                username: "admin".to_owned(),
                password: Secret::new("Passw0rd"),
            }),
            kmsuser: Some(Username { username: "kmsuser".to_owned() }),
            example_user: None,
            endpoint: None,
            sim_token: Some(Secret::new("70ken")),
        }
    }

    #[test]
    fn ready_json_has_the_members_that_scripts_expect() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::locate(Some(folder.path().to_owned())).unwrap();
        state.write_ready(&example()).unwrap();
        let path = folder.path().join("ready.json");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(&path).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let names: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = "cluster_id region account state customer_ca client_cert client_key nodes \
                        admin kmsuser example_user endpoint sim_token";
        assert_eq!(names, expected.split_whitespace().collect::<Vec<_>>());
        assert_eq!(json["admin"]["password"], "Passw0rd");
        assert_eq!(json["sim_token"], "70ken");
        let again = state.ready().unwrap().unwrap();
        assert_eq!(again.nodes, example().nodes);
        assert_eq!(again.admin.unwrap().password.expose(), "Passw0rd");
        assert_eq!(again.sim_token.unwrap().expose(), "70ken");
        // As an earlier version has written it.
        let older = text.replace(",\n  \"sim_token\": \"70ken\"", "");
        assert!(!older.contains("sim_token"));
        std::fs::write(&path, older).unwrap();
        assert!(state.ready().unwrap().unwrap().sim_token.is_none());
    }

    #[test]
    fn a_second_up_is_told_who_has_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::locate(Some(folder.path().to_owned())).unwrap();
        let lock = state.lock().unwrap();
        let refused = state.lock().unwrap_err().to_string();
        assert!(refused.contains(&folder.path().display().to_string()), "{refused}");
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
        drop(lock);
        state.lock().unwrap();
    }

    #[test]
    fn a_folder_without_a_running_cluster_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let refused = StateFolder::running(Some(path.clone())).err().unwrap().to_string();
        assert!(refused.contains(&path.display().to_string()), "{refused}");
        assert!(!path.join("lock").exists());
        StateFolder::locate(Some(path.clone())).unwrap().write_ready(&example()).unwrap();
        assert!(StateFolder::running(Some(path)).is_err());
    }

    #[test]
    fn an_hsm_is_found_by_id_or_number() {
        let ready = example();
        assert_eq!(ready.node("1").unwrap().hsm_id, "hsm-lgavqitns2a");
        assert_eq!(ready.node("hsm-ted36yp5b2x").unwrap().hsm_id, "hsm-ted36yp5b2x");
        for wrong in ["0", "3", "hsm-", ""] {
            let error = ready.node(wrong).unwrap_err().to_string();
            assert!(error.contains("hsm-lgavqitns2a (1), hsm-ted36yp5b2x (2)"), "{error}");
        }
    }
}

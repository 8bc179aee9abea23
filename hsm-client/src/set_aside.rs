//! HSMs that nobody runs any more, and whose folders are kept: whole, for 30 days, to be brought
//! back. Machines that have joined and the control plane keep them in the same way.
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// In a folder that was set aside: what it is.
const NOTE: &str = "set-aside.json";
/// In a node's folder: what HSM it is.
const CARD: &str = "node.json";
/// Without it, nobody can read the HSM's records.
const MASTER_KEY: &str = "master.key";
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// How long an HSM is kept: as AWS keeps a deleted key at most.
pub const KEPT_DAYS: u64 = 30;

/// The folder in which HSMs that were set aside are.
#[derive(Clone, Debug)]
pub struct SetAside(PathBuf);

/// An HSM that was set aside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAsideHsm {
    /// Its id.
    pub hsm_id: String,
    /// The cluster that it was of.
    #[serde(default)]
    pub cluster_id: String,
    /// Its number in the cluster.
    #[serde(default)]
    pub node: u16,
    /// The availability zone that it was in.
    #[serde(default)]
    pub zone: String,
    /// The Region that it was in; empty where whoever set it aside does not know.
    #[serde(default)]
    pub region: String,
    /// The machine that ran it, if it was not the control plane's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Why it was set aside, in a sentence.
    #[serde(default)]
    pub why: String,
    /// When, in milliseconds since 1970 by the real clock; 0: nobody could write it down.
    #[serde(default)]
    pub at_ms: u64,
    /// Where it is.
    #[serde(skip)]
    pub folder: PathBuf,
}

impl SetAsideHsm {
    /// What the folder of a node says of itself; `None` where that cannot be read.
    pub fn of_node(folder: &Path) -> Option<Self> {
        let text = fs::read_to_string(folder.join(CARD)).ok()?;
        let card: Self = serde_json::from_str(&text).ok()?;
        Some(Self { folder: folder.to_owned(), ..card })
    }

    /// When it is removed for good, in milliseconds since 1970.
    pub fn until_ms(&self) -> u64 {
        self.at_ms.saturating_add(KEPT_DAYS * DAY_MS)
    }

    /// Whether it can be read: its master key is there.
    pub fn is_whole(&self) -> bool {
        self.folder.join(MASTER_KEY).exists()
    }
}

impl SetAside {
    /// The folder `set-aside` of a state folder or of a machine's, which need not exist yet.
    pub fn of(folder: &Path) -> Self {
        Self(folder.join("set-aside"))
    }

    /// Moves the folder of an HSM here, as it is; what it says of itself goes before `hsm`. Where
    /// it is then; `None`: there was none.
    pub fn put(&self, folder: &Path, hsm: &SetAsideHsm) -> io::Result<Option<PathBuf>> {
        if !folder.exists() {
            return Ok(None);
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        let mut note = hsm.clone();
        if let Some(known) = SetAsideHsm::of_node(folder) {
            (note.cluster_id, note.node, note.zone) = (known.cluster_id, known.node, known.zone);
        }
        // On a full disk it is moved all the same: what it is, its folder says as well.
        let written = serde_json::to_vec_pretty(&note).map_err(io::Error::other);
        let written = written.and_then(|text| fs::write(folder.join(NOTE), text));
        let mut to = self.0.join(&hsm.hsm_id);
        for more in 2.. {
            if !to.exists() {
                break;
            }
            to = self.0.join(format!("{}.{more}", hsm.hsm_id));
        }
        fs::rename(folder, &to)?;
        let _ = (written, fs::set_permissions(&to, Permissions::from_mode(0o700)));
        self.sync(folder)?;
        Ok(Some(to))
    }

    /// All that are here, in the order of their ids.
    pub fn list(&self) -> io::Result<Vec<SetAsideHsm>> {
        let entries = match fs::read_dir(&self.0) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let folders = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let mut hsms: Vec<_> = folders.filter(|path| path.is_dir()).map(describe).collect();
        hsms.sort_by(|a, b| (&a.hsm_id, a.at_ms).cmp(&(&b.hsm_id, b.at_ms)));
        Ok(hsms)
    }

    /// Moves an HSM to where a node runs it. False: it is not here.
    pub fn take_back(&self, hsm_id: &str, to: &Path) -> io::Result<bool> {
        // The last that was set aside knows the most.
        let found = self.list()?.into_iter().rfind(|hsm| hsm.hsm_id == hsm_id);
        let Some(found) = found else { return Ok(false) };
        fs::rename(&found.folder, to)?;
        self.sync(to)?;
        match fs::remove_file(to.join(NOTE)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(true),
        }
    }

    /// Removes what has been here for longer than [`KEPT_DAYS`]; gives the ids.
    pub fn purge(&self, now_ms: u64) -> io::Result<Vec<String>> {
        let mut gone = Vec::new();
        for hsm in self.list()? {
            if hsm.at_ms > 0 && hsm.until_ms() < now_ms {
                fs::remove_dir_all(&hsm.folder)?;
                gone.push(hsm.hsm_id);
            }
        }
        Ok(gone)
    }

    /// A name that has moved is durable only with both folders.
    fn sync(&self, moved: &Path) -> io::Result<()> {
        File::open(&self.0)?.sync_all()?;
        moved.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
    }
}

fn describe(folder: PathBuf) -> SetAsideHsm {
    let note = fs::read_to_string(folder.join(NOTE)).ok();
    let note = note.and_then(|text| serde_json::from_str::<SetAsideHsm>(&text).ok());
    let named = || SetAsideHsm {
        hsm_id: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        ..Default::default()
    };
    let hsm = note.or_else(|| SetAsideHsm::of_node(&folder)).unwrap_or_else(named);
    SetAsideHsm { folder, ..hsm }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn node(at: &Path, hsm_id: &str, content: &str) -> PathBuf {
        let folder = at.join(hsm_id);
        fs::create_dir(&folder).unwrap();
        let card = format!(
            r#"{{"hsm_id":"{hsm_id}","cluster_id":"cluster-1","node":2,"zone":"b","hsm_type":"x"}}"#
        );
        fs::write(folder.join(CARD), card).unwrap();
        fs::write(folder.join(MASTER_KEY), content).unwrap();
        folder
    }

    fn note(hsm_id: &str, at_ms: u64) -> SetAsideHsm {
        let (hsm_id, why) = (hsm_id.to_owned(), "its machine is gone".to_owned());
        SetAsideHsm { hsm_id, why, at_ms, ..Default::default() }
    }

    #[test]
    fn what_is_set_aside_is_whole_and_comes_back() {
        let place = tempfile::tempdir().unwrap();
        let aside = SetAside::of(place.path());
        assert_eq!(aside.list().unwrap(), []);
        let folder = node(place.path(), "hsm-1", "first");
        let to = aside.put(&folder, &note("hsm-1", 7)).unwrap().unwrap();
        assert!(!folder.exists());
        assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(&aside.0).unwrap().permissions().mode() & 0o777, 0o700);
        // It is moved once, however often that is asked for.
        assert_eq!(aside.put(&folder, &note("hsm-1", 8)).unwrap(), None);
        let listed = aside.list().unwrap();
        let [hsm] = &listed[..] else { panic!("{listed:?}") };
        assert_eq!((hsm.node, hsm.zone.as_str(), hsm.at_ms), (2, "b", 7));
        assert_eq!(hsm.cluster_id, "cluster-1");
        assert!(hsm.is_whole());
        assert!(!aside.take_back("hsm-2", &folder).unwrap());
        assert!(aside.take_back("hsm-1", &folder).unwrap());
        assert_eq!(fs::read_to_string(folder.join(MASTER_KEY)).unwrap(), "first");
        assert!(!folder.join(NOTE).exists());
        assert_eq!(aside.list().unwrap(), []);
    }

    #[test]
    fn nothing_that_is_set_aside_takes_the_place_of_another() {
        let place = tempfile::tempdir().unwrap();
        let aside = SetAside::of(place.path());
        for (at_ms, content) in [(1, "first"), (2, "second")] {
            let folder = node(place.path(), "hsm-1", content);
            aside.put(&folder, &note("hsm-1", at_ms)).unwrap().unwrap();
        }
        assert_eq!(aside.list().unwrap().len(), 2);
        let back = place.path().join("hsm-1");
        assert!(aside.take_back("hsm-1", &back).unwrap());
        assert_eq!(fs::read_to_string(back.join(MASTER_KEY)).unwrap(), "second");
        assert_eq!(aside.list().unwrap().len(), 1);
    }

    #[test]
    fn it_is_kept_for_thirty_days_and_for_ever_if_nobody_knows_since_when() {
        let place = tempfile::tempdir().unwrap();
        let aside = SetAside::of(place.path());
        for (hsm_id, at_ms) in [("hsm-1", 1_000), ("hsm-2", DAY_MS), ("hsm-3", 0)] {
            let folder = node(place.path(), hsm_id, "x");
            aside.put(&folder, &note(hsm_id, at_ms)).unwrap();
        }
        assert_eq!(aside.purge(1_000 + KEPT_DAYS * DAY_MS).unwrap(), Vec::<String>::new());
        assert_eq!(aside.purge(1_001 + KEPT_DAYS * DAY_MS).unwrap(), ["hsm-1"]);
        assert_eq!(aside.purge(u64::MAX).unwrap(), ["hsm-2"]);
        assert_eq!(aside.list().unwrap().len(), 1);
    }
}

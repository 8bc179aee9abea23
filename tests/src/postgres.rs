//! A PostgreSQL server of a test's own, in a temporary folder, reached through a Unix socket.
use crate::cluster::{folder, run, text};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Where Debian has the server's programs, one folder for each version.
const DEBIAN: &str = "/usr/lib/postgresql";
const START_WITHIN: Duration = Duration::from_secs(30);

/// Names the folder of a running server: endpoints that tests start keep what they know there.
pub const TESTS_ON: &str = "CLOUDHSM_SIM_TESTS_ON_POSTGRESQL";

/// The database of the endpoints that keep their files in this folder, made where there is none;
/// `None`: tests are run on SQLite.
pub fn database_for(files: &Path) -> Option<String> {
    let server = PathBuf::from(std::env::var_os(TESTS_ON)?);
    let letters = files.display().to_string();
    let name: String = letters.chars().filter(char::is_ascii_alphanumeric).collect();
    let name = name.to_ascii_lowercase();
    let made = run(client(&server, "createdb", None).arg(&name), "");
    let said = text(&made);
    assert!(made.status.success() || said.contains("already exists"), "{said}");
    Some(url(&server, &name))
}

fn url(server: &Path, database: &str) -> String {
    format!("postgres:///{database}?host={}&user=kms", server.display())
}

fn client(server: &Path, name: &str, user: Option<(u32, u32)>) -> Command {
    let mut command = program(name, user);
    command.arg("-h").arg(server).args(["-U", "kms"]);
    command
}

/// A running server. Dropped, it is stopped.
pub struct Postgres {
    server: Child,
    folder: TempDir,
    user: Option<(u32, u32)>,
}

impl Postgres {
    /// Makes the server's files and starts it.
    pub fn start() -> Self {
        let folder = folder();
        let user = unprivileged();
        if let Some((uid, gid)) = user {
            chown(folder.path(), Some(uid), Some(gid)).unwrap();
        }
        let files = folder.path().join("files");
        let mut make = program("initdb", user);
        make.args(["--username=kms", "--auth=trust", "--encoding=UTF8", "--no-sync", "--pgdata"]);
        ok(make.arg(&files));
        let mut server = program("postgres", user);
        // Nothing here outlives the test: it need not be synced to the disk.
        server.args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=500"]);
        server.arg("-k").arg(folder.path());
        server.arg("-D").arg(&files).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self { server: server.spawn().unwrap(), folder, user };
        let begun = Instant::now();
        while !run(server.client("pg_isready").args(["-d", "postgres"]), "").status.success() {
            assert!(begun.elapsed() < START_WITHIN, "PostgreSQL does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// Makes a new database and gives its URL.
    pub fn database(&self, name: &str) -> String {
        ok(self.client("createdb").arg(name));
        url(self.folder.path(), name)
    }

    /// Where it is reached.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn client(&self, name: &str) -> Command {
        client(self.folder.path(), name, self.user)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT is a fast shutdown: it does not wait for clients.
        let _ = kill(Pid::from_raw(self.server.id().cast_signed()), Signal::SIGINT);
        let _ = self.server.wait();
    }
}

fn ok(command: &mut Command) {
    let output = run(command, "");
    assert!(output.status.success(), "{command:?}: {}", text(&output));
}

/// One of PostgreSQL's programs: Debian's newest, or that of PATH.
fn program(name: &str, user: Option<(u32, u32)>) -> Command {
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let programs = versions.map(|version| version.path().join("bin").join(name));
    let newest = programs.filter(|path| path.exists()).max();
    let mut command = Command::new(newest.unwrap_or_else(|| PathBuf::from(name)));
    command.current_dir(Path::new("/"));
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

/// Whom the server runs as where we are root, whom it refuses: the user that Debian made for it.
fn unprivileged() -> Option<(u32, u32)> {
    let id = |words: &[&str]| {
        let said = text(&run(Command::new("id").args(words), ""));
        said.trim().parse::<u32>().unwrap_or_else(|_| panic!("id {words:?}: {said}"))
    };
    (id(&["-u"]) == 0).then(|| (id(&["-u", "postgres"]), id(&["-g", "postgres"])))
}

//! A node on a machine of its own: it offers the machine to a control plane, says again and again
//! how its HSM is, and becomes the HSM that it is told to be.
use crate::error::NodeError;
use crate::node::Node;
use crate::options::{Join, Options};
use crate::process::announce;
use crate::store::FjallStore;
use aws_lc_rs::rand::fill;
use data_encoding::HEXLOWER;
use hsm_client::{
    Condition, HostFile, JOIN_PATH, JoinOrder, JoinRequest, KEPT_DAYS, SealingKey, SetAside,
    SetAsideHsm, Trouble, call_endpoint, open_order, seal_request,
};
use std::cell::Cell;
use std::convert::Infallible;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

/// How often the control plane hears of this machine, and this machine of what is decided there.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// While an HSM is being made for it, or starts.
const WAIT: Duration = Duration::from_millis(100);
/// A control plane that has not answered by then is asked anew.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How soon an HSM that could not start is started again.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
/// How often it is looked whether an HSM that was set aside is to be removed.
const PURGE_EVERY: Duration = Duration::from_secs(24 * 60 * 60);
/// HSMs that were set aside of which the control plane is told, and characters of a sentence.
const SET_ASIDE_MAX: usize = 100;
const SENTENCE_MAX: usize = 300;
/// In the host's folder: its name, and the HSM that it is.
const NAME: &str = "host";
const HSM: &str = "hsm";

/// A machine that runs an HSM, or would.
pub(crate) struct Host<'a> {
    options: &'a Options,
    join: &'a Join,
    key: SealingKey,
    name: String,
    /// The HSM that it is to be, whether it runs now or not.
    hsm_id: Option<String>,
    node: Option<Node>,
    /// While a large store is read, the control plane goes on to hear of this machine.
    starting: Option<JoinHandle<Result<Node, NodeError>>>,
    /// Why the HSM does not run. It is tried again, and the control plane is told.
    trouble: Option<Trouble>,
    /// When it is tried again.
    again: Instant,
    /// Nobody is to reach the HSM.
    closed: bool,
    set_aside: SetAside,
    purged: Option<Instant>,
    /// Locked: two programs must not be one host.
    _lock: File,
    last_ms: Cell<u64>,
    /// The control plane answered last time: a failure is news.
    heard: bool,
}

impl<'a> Host<'a> {
    /// Runs the HSM that it was before, if any, whether the control plane can be reached or not.
    pub(crate) async fn start(options: &'a Options, join: &'a Join) -> Result<Self, NodeError> {
        let text = fs::read_to_string(&join.join_key).map_err(NodeError::file(&join.join_key))?;
        let key = SealingKey::from_hex(&text)
            .ok_or_else(|| NodeError::content(&join.join_key, "not a key of 64 hex digits"))?;
        fs::create_dir_all(&options.dir).map_err(NodeError::file(&options.dir))?;
        let _lock = lock(options)?;
        let name = name(options)?;
        let mut host = Self {
            options,
            join,
            key,
            name,
            hsm_id: None,
            node: None,
            starting: None,
            trouble: None,
            again: Instant::now(),
            closed: false,
            set_aside: SetAside::of(&options.dir),
            purged: None,
            _lock,
            last_ms: Cell::new(0),
            heard: true,
        };
        host.hsm_id = host.kept()?;
        Ok(host)
    }

    /// Keeps the HSM running, asks again and again, and does what it is told. What fails is told
    /// to the control plane, and tried again.
    pub(crate) async fn serve(&mut self) -> Infallible {
        loop {
            self.tend().await;
            self.purge();
            let asked = timeout(ANSWER_WITHIN, self.ask()).await;
            let asked = asked.unwrap_or_else(|_| {
                Err(format!("{} has not answered for {ANSWER_WITHIN:?}", self.join.join))
            });
            let pause = match asked {
                Ok(order) => {
                    if !self.heard {
                        info!("{} answers", self.join.join);
                    }
                    self.heard = true;
                    self.obey(order).await.unwrap_or_else(|why| {
                        self.note(&why);
                        ASK_EVERY
                    })
                }
                Err(why) => {
                    if self.heard {
                        warn!("{why}");
                    }
                    self.heard = false;
                    ASK_EVERY
                }
            };
            let pause = if self.starting.is_some() { pause.min(WAIT) } else { pause };
            tokio::select! {
                () = sleep(pause) => {}
                why = failed(self.node.as_ref()) => {
                    self.halt().await;
                    self.note(&why);
                }
            }
        }
    }

    /// Ends the HSM; the next start goes on with it.
    pub(crate) async fn stop(mut self) -> Result<(), NodeError> {
        let node = match self.starting.take() {
            Some(starting) => starting.await.ok().and_then(Result::ok),
            None => self.node.take(),
        };
        match node {
            Some(node) => node.stop().await,
            None => Ok(()),
        }
    }

    /// Sees what has become of a start, and begins one where an HSM is to run and does not.
    async fn tend(&mut self) {
        if let Some(starting) = self.starting.take_if(|starting| starting.is_finished()) {
            let started =
                starting.await.unwrap_or_else(|e| Err(NodeError::Machine(io::Error::other(e))));
            match self.is_mine(started).await {
                Ok(node) => {
                    info!(hsm_id = node.hsm_id(), address = %node.address(), "listening");
                    (self.node, self.trouble) = (Some(node), None);
                }
                Err(why) => self.note(&why),
            }
        }
        let runs = self.node.is_some() || self.starting.is_some();
        let Some(hsm_id) = self.hsm_id.as_ref().filter(|_| !runs && !self.closed) else { return };
        if Instant::now() < self.again {
            return;
        }
        let options = Options { dir: self.folder(), ..self.options.clone() };
        if !options.dir.exists() {
            // It was to be set aside, and then was not.
            let _ = self.set_aside.take_back(hsm_id, &options.dir);
        }
        self.starting = Some(tokio::spawn(async move {
            Node::start(&options, |path| Ok(Box::new(FjallStore::open(path)?))).await
        }));
    }

    async fn is_mine(&self, started: Result<Node, NodeError>) -> Result<Node, NodeError> {
        let node = started?;
        if self.hsm_id.as_deref() == Some(node.hsm_id()) {
            announce(&node).map_err(NodeError::Machine)?;
            return Ok(node);
        }
        let why = format!("it is {}, and not the HSM of this machine", node.hsm_id());
        let _ = node.stop().await;
        Err(NodeError::content(&self.folder(), why))
    }

    /// What cannot be done now is told to people and the control plane, and tried again.
    fn note(&mut self, why: &NodeError) {
        let text: String = why.to_string().chars().take(SENTENCE_MAX).collect();
        if self.trouble.as_ref().is_none_or(|known| known.why != text) {
            warn!(hsm_id = self.hsm_id, "{text}: it is tried again");
        }
        self.trouble = Some(Trouble { why: text, disk: why.is_of_the_disk() });
        self.again = Instant::now() + AGAIN_AFTER;
    }

    /// Ends the HSM, for now or for good.
    async fn halt(&mut self) {
        let mut node = self.node.take();
        if let Some(starting) = self.starting.take() {
            node = starting.await.ok().and_then(Result::ok);
        }
        if let Some(node) = node
            && let Err(why) = node.stop().await
        {
            warn!("{why}");
        }
    }

    async fn ask(&self) -> Result<JoinOrder, String> {
        let mut nonce = [0; 16];
        fill(&mut nonce).map_err(|_| "no randomness".to_owned())?;
        let listen = self.options.listen.first().map(ToString::to_string);
        let set_aside = self.set_aside.list().unwrap_or_default().into_iter();
        let request = JoinRequest {
            host: self.name.clone(),
            region: self.join.region.clone(),
            zone: self.join.zone.clone(),
            address: self.join.advertise.clone().or(listen).unwrap_or_default(),
            hsm_id: self.hsm_id.clone(),
            nonce: HEXLOWER.encode(&nonce),
            at_ms: self.next_ms(),
            condition: Some(Condition { runs: self.node.is_some(), trouble: self.trouble.clone() }),
            set_aside: set_aside.map(|hsm| hsm.hsm_id).take(SET_ASIDE_MAX).collect(),
        };
        let sealed = seal_request(&self.key, &request).map_err(|e| e.to_string())?;
        let (good, body) = call_endpoint(&self.join.join, JOIN_PATH, Some(sealed), None).await?;
        if !good {
            let said =
                String::from_utf8_lossy(&body).chars().take(SENTENCE_MAX).collect::<String>();
            return Err(format!("{} refuses: {said}", self.join.join));
        }
        let order = open_order(&self.key, &request, &body);
        order.map_err(|e| format!("the answer of {} cannot be read: {e}", self.join.join))
    }

    /// The time, but never the same or an earlier one than before.
    fn next_ms(&self) -> u64 {
        let next = now_ms().max(self.last_ms.get() + 1);
        self.last_ms.set(next);
        next
    }

    async fn obey(&mut self, order: JoinOrder) -> Result<Duration, NodeError> {
        if order.wait {
            return Ok(WAIT);
        }
        if order.hsm_id != self.hsm_id {
            self.leave(order.erase == Some(true)).await?;
            if let Some(hsm_id) = &order.hsm_id {
                self.become_hsm(hsm_id, &order.files)?;
            }
        }
        if order.closed && self.node.is_some() {
            info!(hsm_id = self.hsm_id, "serves nobody: its cluster's security group is closed");
        }
        self.closed = order.closed;
        if self.closed {
            self.halt().await;
        }
        self.tend().await;
        Ok(ASK_EVERY)
    }

    /// Is the HSM no more that it was. Only what an operator has deleted is erased.
    async fn leave(&mut self, erase: bool) -> Result<(), NodeError> {
        self.halt().await;
        let Some(hsm_id) = self.hsm_id.clone() else { return Ok(()) };
        if erase {
            info!(hsm_id, "was deleted, and is erased");
            gone(&self.folder())?;
        } else {
            self.put_aside(&hsm_id)?;
        }
        // Last: for as long as it is there, this is done once more.
        gone(&self.options.dir.join(HSM))?;
        (self.hsm_id, self.trouble) = (None, None);
        Ok(())
    }

    fn put_aside(&self, hsm_id: &str) -> Result<(), NodeError> {
        let folder = self.folder();
        let note = SetAsideHsm {
            hsm_id: hsm_id.to_owned(),
            region: self.join.region.clone(),
            why: "the control plane has no HSM for this machine, and none was deleted".to_owned(),
            host: Some(self.name.clone()),
            at_ms: now_ms(),
            ..Default::default()
        };
        let put = self.set_aside.put(&folder, &note).map_err(NodeError::file(&folder))?;
        if let Some(to) = put {
            warn!(
                hsm_id,
                "is not needed any more: it is set aside in {}, whole, for {KEPT_DAYS} days; \
                 `cluster-ctl sim bring-back {hsm_id}` brings it back",
                to.display()
            );
        }
        Ok(())
    }

    /// It is the HSM from now on: as it was set aside here, or as it leaves the factory.
    fn become_hsm(&mut self, hsm_id: &str, files: &[HostFile]) -> Result<(), NodeError> {
        let folder = self.folder();
        let left = SetAsideHsm::of_node(&folder).filter(SetAsideHsm::is_whole);
        if let Some(left) = left.as_ref().filter(|left| left.hsm_id != hsm_id) {
            // Another one is here, of which the mark is missing.
            self.put_aside(&left.hsm_id)?;
        }
        let is_here = left.is_some_and(|left| left.hsm_id == hsm_id);
        let back = self.set_aside.take_back(hsm_id, &folder);
        if !is_here && !back.map_err(NodeError::file(&folder))? {
            self.receive(files)?;
        }
        // Last: where it is, the others are.
        crate::folder::write_secret(&self.options.dir, HSM, hsm_id.as_bytes())
            .map_err(NodeError::file(&self.options.dir.join(HSM)))?;
        (self.hsm_id, self.trouble) = (Some(hsm_id.to_owned()), None);
        self.again = Instant::now();
        Ok(())
    }

    /// What an HSM leaves the factory with.
    fn receive(&self, files: &[HostFile]) -> Result<(), NodeError> {
        let folder = self.folder();
        if files.is_empty() {
            let why = "the HSM is not here, and the control plane gave no new one";
            return Err(NodeError::Machine(io::Error::other(why)));
        }
        fs::create_dir_all(&folder).map_err(NodeError::file(&folder))?;
        for file in files {
            let plain = |name: &str| !name.is_empty() && !name.contains(['/', '\\', '.']);
            let (stem, end) = file.name.rsplit_once('.').unwrap_or_default();
            if !plain(stem) || !plain(end) {
                return Err(NodeError::content(&folder, format!("{:?} is no file", file.name)));
            }
            crate::folder::write_secret(&folder, &file.name, file.content.expose().as_bytes())
                .map_err(NodeError::file(&folder.join(&file.name)))?;
        }
        Ok(())
    }

    /// Removes what was set aside long ago.
    fn purge(&mut self) {
        if self.purged.is_some_and(|last| last.elapsed() < PURGE_EVERY) {
            return;
        }
        self.purged = Some(Instant::now());
        match self.set_aside.purge(now_ms()) {
            Ok(gone) => gone.iter().for_each(|hsm_id| {
                info!(hsm_id, "was set aside {KEPT_DAYS} days ago, and is removed");
            }),
            Err(why) => warn!("what was set aside cannot be looked through: {why}"),
        }
    }

    fn folder(&self) -> PathBuf {
        self.options.dir.join("node")
    }

    fn kept(&self) -> Result<Option<String>, NodeError> {
        let path = self.options.dir.join(HSM);
        match fs::read_to_string(&path) {
            Ok(hsm_id) => Ok(Some(hsm_id)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(NodeError::File { path, cause }),
        }
    }
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// Removes a file or a folder, which may be gone already.
fn gone(path: &Path) -> Result<(), NodeError> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(NodeError::file(path)(e)),
        _ => Ok(()),
    }
}

/// When the HSM's store fails; never, while there is none.
async fn failed(node: Option<&Node>) -> NodeError {
    match node {
        Some(node) => node.failed().await,
        None => std::future::pending().await,
    }
}

/// Takes the host's folder for this process.
fn lock(options: &Options) -> Result<File, NodeError> {
    let path = options.dir.join("lock");
    let file = File::options().create(true).append(true).open(&path);
    let file = file.map_err(NodeError::file(&path))?;
    file.try_lock().map_err(|cause| match cause {
        TryLockError::WouldBlock => NodeError::Locked { path: options.dir.clone() },
        TryLockError::Error(cause) => NodeError::File { path, cause },
    })?;
    Ok(file)
}

/// By which the control plane knows the machine again.
fn name(options: &Options) -> Result<String, NodeError> {
    let path = options.dir.join(NAME);
    if let Ok(name) = fs::read_to_string(&path) {
        return Ok(name);
    }
    let mut random = [0; 8];
    fill(&mut random).map_err(|_| NodeError::Certificate("no randomness".into()))?;
    let name = format!("host-{}", HEXLOWER.encode(&random));
    crate::folder::write_secret(&options.dir, NAME, name.as_bytes())
        .map_err(NodeError::file(&path))?;
    Ok(name)
}

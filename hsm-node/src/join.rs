//! A node on a machine of its own: it offers the machine to a control plane, and becomes the HSM
//! that it is told to be.
use crate::error::NodeError;
use crate::node::Node;
use crate::options::{Join, Options};
use crate::process::announce;
use crate::store::FjallStore;
use aws_lc_rs::rand::fill;
use data_encoding::HEXLOWER;
use hsm_client::{
    HostFile, JOIN_PATH, JoinOrder, JoinRequest, SealingKey, call_endpoint, open_order,
    seal_request,
};
use std::cell::Cell;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::sleep;
use tracing::{info, warn};

/// How often the control plane hears of this machine, and this machine of what is decided there.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// While an HSM is being made for it.
const WAIT: Duration = Duration::from_millis(100);
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
            _lock,
            last_ms: Cell::new(0),
            heard: true,
        };
        host.hsm_id = host.kept()?;
        if let Some(hsm_id) = host.hsm_id.clone() {
            host.run(&hsm_id).await?;
        }
        Ok(host)
    }

    /// Asks again and again, and does what it is told. Returns when the HSM fails.
    pub(crate) async fn serve(&mut self) -> NodeError {
        loop {
            let pause = match self.ask().await {
                Ok(order) => {
                    if !self.heard {
                        info!("{} answers", self.join.join);
                    }
                    self.heard = true;
                    match self.obey(order).await {
                        Ok(pause) => pause,
                        Err(error) => return error,
                    }
                }
                Err(why) => {
                    if self.heard {
                        warn!("{why}");
                    }
                    self.heard = false;
                    ASK_EVERY
                }
            };
            tokio::select! {
                () = sleep(pause) => {}
                why = failed(self.node.as_ref()) => return why,
            }
        }
    }

    /// Ends the HSM; the next start goes on with it.
    pub(crate) async fn stop(self) -> Result<(), NodeError> {
        match self.node {
            Some(node) => node.stop().await,
            None => Ok(()),
        }
    }

    async fn ask(&self) -> Result<JoinOrder, String> {
        let mut nonce = [0; 16];
        fill(&mut nonce).map_err(|_| "no randomness".to_owned())?;
        let listen = self.options.listen.first().map(ToString::to_string);
        let request = JoinRequest {
            host: self.name.clone(),
            region: self.join.region.clone(),
            zone: self.join.zone.clone(),
            address: self.join.advertise.clone().or(listen).unwrap_or_default(),
            hsm_id: self.hsm_id.clone(),
            nonce: HEXLOWER.encode(&nonce),
            at_ms: self.next_ms(),
        };
        let sealed = seal_request(&self.key, &request).map_err(|e| e.to_string())?;
        let (good, body) = call_endpoint(&self.join.join, JOIN_PATH, Some(sealed)).await?;
        if !good {
            let said = String::from_utf8_lossy(&body).chars().take(300).collect::<String>();
            return Err(format!("{} refuses: {said}", self.join.join));
        }
        let order = open_order(&self.key, &request, &body);
        order.map_err(|e| format!("the answer of {} cannot be read: {e}", self.join.join))
    }

    /// The time, but never the same or an earlier one than before.
    fn next_ms(&self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let next = u64::try_from(now.as_millis()).unwrap_or(u64::MAX).max(self.last_ms.get() + 1);
        self.last_ms.set(next);
        next
    }

    async fn obey(&mut self, order: JoinOrder) -> Result<Duration, NodeError> {
        if order.wait {
            return Ok(WAIT);
        }
        if order.hsm_id != self.hsm_id {
            self.wipe().await?;
            if let Some(hsm_id) = &order.hsm_id {
                self.receive(hsm_id, &order.files)?;
            }
            self.hsm_id.clone_from(&order.hsm_id);
        }
        match (order.hsm_id, order.closed) {
            (Some(hsm_id), false) if self.node.is_none() => self.run(&hsm_id).await?,
            (Some(hsm_id), true) => {
                if let Some(node) = self.node.take() {
                    info!(hsm_id, "serves nobody: its cluster's security group is closed");
                    node.stop().await?;
                }
            }
            _ => {}
        }
        Ok(ASK_EVERY)
    }

    /// What an HSM leaves the factory with.
    fn receive(&self, hsm_id: &str, files: &[HostFile]) -> Result<(), NodeError> {
        let folder = self.folder();
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
        // Last: where it is, the others are.
        crate::folder::write_secret(&self.options.dir, HSM, hsm_id.as_bytes())
            .map_err(NodeError::file(&self.options.dir.join(HSM)))
    }

    async fn run(&mut self, hsm_id: &str) -> Result<(), NodeError> {
        let options = Options { dir: self.folder(), ..self.options.clone() };
        let node = Node::start(&options, |path| Ok(Box::new(FjallStore::open(path)?))).await?;
        if node.hsm_id() != hsm_id {
            let _ = node.stop().await;
            return Err(NodeError::content(&options.dir, format!("it is not the HSM {hsm_id}")));
        }
        announce(&node).map_err(NodeError::Machine)?;
        info!(hsm_id, address = %node.address(), "listening");
        self.node = Some(node);
        Ok(())
    }

    /// Forgets the HSM that it was.
    async fn wipe(&mut self) -> Result<(), NodeError> {
        if let Some(node) = self.node.take() {
            info!(hsm_id = node.hsm_id(), "is not needed any more, and erased");
            let _ = node.stop().await;
        }
        for gone in [self.options.dir.join(HSM), self.folder()] {
            let removed =
                if gone.is_dir() { fs::remove_dir_all(&gone) } else { fs::remove_file(&gone) };
            match removed {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    return Err(NodeError::File { path: gone, cause: e });
                }
                _ => {}
            }
        }
        Ok(())
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

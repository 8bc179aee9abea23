//! A cluster for the length of one command: active, without limits, with a CU, and gone afterwards.
use super::console::Console;
use super::{Auth, Options, Place, Session};
use crate::{Failure, Ready};
use fleet::Event;
use std::net::{IpAddr, Ipv4Addr};
use tokio::sync::mpsc;

/// What `up --ephemeral --limits none` starts, without a word.
pub(crate) struct ThrowAway {
    session: Session,
    _events: mpsc::Receiver<Event>,
    _place: Place,
}

impl ThrowAway {
    /// Starts so many HSMs on free ports. They end when this is dropped.
    pub(crate) async fn start(nodes: u8, engine: hsm_node::Engine) -> Result<Self, Failure> {
        Self::launch(nodes, engine, true).await
    }

    /// Also an AWS endpoint, and a key store that is connected to the HSMs.
    pub(crate) async fn with_key_store(nodes: u8) -> Result<Self, Failure> {
        Self::launch(nodes, hsm_node::Engine::default(), false).await
    }

    async fn launch(
        nodes: u8,
        engine: hsm_node::Engine,
        no_endpoint: bool,
    ) -> Result<Self, Failure> {
        let options = Options {
            ephemeral: true,
            nodes: Some(nodes),
            base_port: 0,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            layout: None,
            until: None,
            ready_file: None,
            json: false,
            no_restart: true,
            kmsuser_password: None,
            endpoint_port: 0,
            no_endpoint,
            database: None,
            replace_after: 30,
            connecting_ms: 0,
            auth: Auth::Open,
            access_keys: None,
            allow_host: Vec::new(),
            network: super::Network::Own,
            network_zones: Vec::new(),
            aws_timing: false,
            engine,
            limits: hsm_node::Limits::None,
            allow_kmsuser_2fa: false,
            sync_interval_ms: 1_000,
        };
        let (folder, place) = Place::take(None, options.ephemeral)?;
        let (session, events) = Session::start(options, folder, Console::silent()).await?;
        let mut cluster = Self { session, _events: events, _place: place };
        match cluster.bring_up().await {
            Ok(()) => Ok(cluster),
            Err(failure) => {
                cluster.stop().await;
                Err(failure)
            }
        }
    }

    async fn bring_up(&mut self) -> Result<(), Failure> {
        self.session.bring_up().await
    }

    /// Where the HSMs are, and the passwords of their users.
    pub(crate) fn ready(&self) -> Ready {
        self.session.ready.clone()
    }

    /// Ends the endpoint and the HSMs, and removes their folders.
    pub(crate) async fn stop(self) {
        // Its folder goes anyway.
        let _ = self.session.stop().await;
    }
}

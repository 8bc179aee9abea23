//! The last step: KMS takes kmsuser over, in a key store of its endpoint, and makes one key.
use super::nodes::{ACCOUNT, REGION, launch};
use super::steps::KMS_PASSWORD;
use super::{Options, Session};
use crate::{Failure, StateFolder};
use aws_api::{Auth, Endpoint, Hosting, Local, Settings, StoreView, Timing, sqlite_url};
use fleet::{Roster, read};
use kms_connector::Connected;
use proto::Secret;
use std::net::SocketAddr;
use std::time::Duration;

const PROOF: &[u8] = b"encrypted in one HSM, decrypted in another";
/// The name of the key that is made, for a first try.
const ALIAS: &str = "alias/example";

/// The URL of what KMS and the control plane keep.
pub(super) fn database(options: &Options, state: &StateFolder) -> String {
    let own = || sqlite_url(&state.path().join("kms.sqlite"));
    options.database.clone().unwrap_or_else(own)
}

/// Starts KMS and CloudHSM's control plane, which listen unless that was not wanted.
pub(super) async fn start_endpoint(
    options: &Options,
    state: &StateFolder,
    roster: &Roster,
) -> Result<Endpoint, Failure> {
    let folder = state.path();
    let listen = SocketAddr::from((options.address, options.endpoint_port));
    let endpoint = Endpoint::start(Settings {
        listen: (!options.no_endpoint).then_some(listen),
        database: database(options, state),
        key_file: folder.join("kms.key"),
        trail_folder: folder.to_owned(),
        clusters: vec![folder.to_owned()],
        account: ACCOUNT.into(),
        auth: match (options.auth, &options.access_keys) {
            (super::Auth::Strict, Some(file)) => Auth::strict(file).map_err(Failure::new)?,
            _ => Auth::Open,
        },
        allow_hosts: options.allow_host.clone(),
        connecting: Duration::from_millis(options.connecting_ms),
        hosting: Some(Hosting {
            installation: folder.to_owned(),
            launch: launch(options)?,
            own_addresses: roster.front.is_some(),
            replace_after: Duration::from_secs(options.replace_after),
            timing: if options.aws_timing { Timing::aws() } else { Timing::default() },
            adopted_zones: options.adopted_zones(),
            quotas: options.limits == hsm_node::Limits::Aws,
        }),
    });
    Ok(endpoint.await?)
}

impl Session {
    pub(super) fn show_endpoint(&self) {
        if let Some(url) = &self.ready.endpoint {
            let text =
                format!("{url} is AWS KMS and CloudHSM to whoever sets AWS_ENDPOINT_URL to it");
            let mut lines = vec![text];
            if let Some(token) = &self.ready.sim_token {
                lines.push(format!("{url}/_sim/ asks for X-Sim-Token: {}", token.expose()));
            }
            self.console.step("endpoint", &lines);
        }
    }

    /// Did KMS ever change kmsuser's password?
    pub(super) async fn was_connected(&self) -> bool {
        self.endpoint.has_connected(REGION, &self.ready.cluster_id).await
    }

    /// In a folder in which KMS was connected before, kmsuser is KMS's, and not left to a person.
    pub(super) async fn warn_of_kms(&self) {
        if self.was_connected().await {
            let text = "KMS has changed kmsuser's password, and a key store has the cluster: \
                        for one that is left to you, choose a new folder with --state";
            self.console.problem("kmsuser", text);
        }
    }

    /// Connects the key store. What is in its way is shown, and the HSMs go on: it takes running
    /// HSMs to put kmsuser right.
    pub(super) async fn connect_key_store(&mut self) -> Result<(), Failure> {
        if self.options.no_endpoint {
            return Ok(());
        }
        let endpoint = &self.endpoint;
        let told = self.options.kmsuser_password.clone();
        let store = endpoint.provide_local(Local {
            region: REGION.to_owned(),
            cluster_id: self.ready.cluster_id.clone(),
            trust_anchor: read(&self.folder.layout().customer_ca())?,
            password_changed: told.is_some(),
            alias: ALIAS.to_owned(),
            password: told.unwrap_or_else(|| Secret::new(KMS_PASSWORD)),
        });
        let store = match store.await {
            Ok(store) => store,
            Err(error) => {
                self.console.problem("key store", &error.to_string());
                return Ok(());
            }
        };
        if let Some((code, why)) = &store.failure {
            self.console
                .problem("key store", &format!("{} is {}: {code}: {why}", store.id, store.state));
            return Ok(());
        }
        let Some(connected) = endpoint.connected(REGION, &store.id).await else {
            self.console.problem("key store", &format!("{} lost its HSMs", store.id));
            return Ok(());
        };
        self.show_store(&store, &connected);
        self.show_key(&store, &connected).await;
        Ok(())
    }

    fn show_store(&self, store: &StoreView, connected: &Connected) {
        let count = connected.nodes().iter().filter(|node| node.connected).count();
        let mut lines = vec![
            format!("{} local is {}", store.id, store.state),
            format!(
                "kmsuser is logged in, with a password that only KMS knows, on {count} of {} HSMs",
                self.ready.nodes.len()
            ),
        ];
        let missed = connected.missed().iter();
        lines.extend(missed.map(|(hsm_id, why)| format!("not on {hsm_id}: {why}")));
        self.console.step("key store", &lines);
    }

    /// Shows the key of the key store, and tries it.
    async fn show_key(&self, store: &StoreView, connected: &Connected) {
        let arn = match &store.key {
            Ok(arn) => arn,
            Err(error) => return self.console.problem("key", &error.to_string()),
        };
        let mut lines = vec![format!("{ALIAS} {arn}")];
        match prove(connected, arn).await {
            Ok(proof) => lines.extend(proof),
            Err(error) => lines.push(format!("not tried: {error}")),
        }
        self.console.step("key", &lines);
    }
}

/// Encrypts in the first HSM and decrypts in the last; what the key material is, and that.
async fn prove(connected: &Connected, arn: &str) -> Result<[String; 2], Failure> {
    let key = connected.find_key(arn).await?;
    let key = key.ok_or_else(|| Failure::new("its key material is not in the HSMs"))?;
    let nodes = connected.nodes();
    let mut there = nodes.iter().filter(|node| node.connected).map(|node| &node.hsm_id);
    let (Some(first), Some(last)) = (there.next(), there.next_back()) else {
        return Err(Failure::new("fewer than two HSMs are connected"));
    };
    let sealed = connected.encrypt_on(first, key.handle, PROOF, &[]).await?;
    let opened = connected.decrypt_on(last, key.handle, &sealed, &[]).await?;
    if *opened != PROOF {
        return Err(Failure::new(format!("{last} did not decrypt what {first} encrypted")));
    }
    let material =
        format!("AES-256, key reference {:#018x}, check value 0x{}", key.handle, key.check_value);
    Ok([material, format!("encrypted in {first}, decrypted in {last}")])
}

//! The steps from fresh HSMs to a cluster with users, as AWS's guides do them by hand.
use super::Session;
use super::nodes::REGION;
use crate::initialize::adopt_trust_anchor;
use crate::{Credentials, Failure, state::Username};
use fleet::{Authority, NodeView, read, write_public};
use hsm_client::Connection;
use proto::command::session::{Login, Logout};
use proto::command::user::{ChangePassword, CreateUser, ListUsers};
use proto::{NodeState, Role, Secret};
use rand::distr::{Alphanumeric, SampleString};
use zeroize::Zeroizing;

const ADMIN: &str = "admin";
const EXAMPLE_USER: &str = "example_user";
const KMSUSER: &str = "kmsuser";
/// API, PreCoPassword: what the first admin has until the cluster is activated.
const FIRST_PASSWORD: &str = "password";
/// What AWS's guides give kmsuser; the connector changes it at once.
pub(super) const KMS_PASSWORD: &str = "kmsPswd";
/// Letters and digits: 119 bits.
const PASSWORD_LEN: usize = 20;

/// An HSM that was reached.
pub(super) struct Met {
    pub(super) node: NodeView,
    pub(super) connection: Connection,
}

impl Met {
    fn state(&self) -> NodeState {
        self.connection.welcome().state
    }

    /// Turns the failure of a call into a sentence that names the HSM.
    fn failed<E: std::fmt::Display>(&self, doing: &str) -> impl FnOnce(E) -> Failure {
        let hsm_id = self.node.hsm_id.clone();
        move |error| Failure::new(format!("{hsm_id} could not {doing}: {error}"))
    }
}

/// Does all of it at the same time; results in the order of the work.
pub(super) async fn at_once<T: Send + 'static>(
    work: impl Iterator<Item = impl Future<Output = Result<T, Failure>> + Send + 'static>,
) -> Result<Vec<T>, Failure> {
    let tasks: Vec<_> = work.map(tokio::spawn).collect();
    let mut done = Vec::with_capacity(tasks.len());
    for task in tasks {
        done.push(task.await??);
    }
    Ok(done)
}

impl Session {
    /// Reaches every HSM that runs.
    pub(super) async fn meet(&self) -> Result<Vec<Met>, Failure> {
        at_once(self.fleet.nodes().into_iter().filter(|node| node.runs).map(|node| {
            let layout = self.folder.layout().clone();
            async move {
                let connection = fleet::connect(&layout, &node).await?;
                Ok(Met { node, connection })
            }
        }))
        .await
    }

    /// Sees how far the cluster has come, and waits until the control plane has, too: once it is
    /// active, fresh HSMs join by a backup. False: the cluster was ACTIVE, and none of its HSMs
    /// here is. They were deleted, or have died for good, and what they knew is in backups.
    pub(super) async fn settle(&mut self) -> Result<bool, Failure> {
        if let Some(first) = self.fleet.nodes().iter().find(|node| node.runs) {
            adopt_trust_anchor(self.folder.layout(), first).await?;
        }
        let met = self.meet().await?;
        let state = met.iter().map(Met::state).max().unwrap_or(NodeState::Uninitialized);
        let was_active = self.ready.state == NodeState::Active.name();
        let fresh = met.into_iter().filter(|met| met.state() == NodeState::Uninitialized);
        let mut joined: Vec<_> = fresh.map(|met| met.node.hsm_id).collect();
        let caught_up = self.endpoint.catch_up(REGION, &self.ready.cluster_id, state);
        let (state, members) = caught_up.await?;
        let serves = |node: &NodeView| node.runs && members.contains(&node.hsm_id);
        if was_active && (state != NodeState::Active || !self.fleet.nodes().iter().any(serves)) {
            self.leave_at_rest()?;
            return Ok(false);
        }
        joined.retain(|hsm_id| members.contains(hsm_id));
        if state == NodeState::Active && !joined.is_empty() {
            let text = format!("{} restored a backup of the cluster", joined.join(", "));
            self.console.step("joined", &[text]);
        }
        self.write_config(&members)?;
        self.ready.state = state.name().to_owned();
        self.save()?;
        Ok(true)
    }

    /// Leaves the cluster to the control plane.
    fn leave_at_rest(&mut self) -> Result<(), Failure> {
        let id = self.ready.cluster_id.clone();
        if self.options.no_endpoint {
            return Err(Failure::new(format!(
                "{id} has no HSM that is active: start `up` with the AWS endpoint, which brings \
                 users and keys back from the last backup"
            )));
        }
        let text = format!(
            "{id} has none that is ACTIVE; `aws cloudhsmv2 create-hsm --cluster-id {id} \
             --availability-zone us-east-1a` brings users and keys back from the last backup"
        );
        self.console.problem("HSMs", &text);
        self.save()
    }

    /// Writes the CSR and the certificates where AWS's guides expect them.
    pub(super) async fn hand_out_certificates(&self) -> Result<(), Failure> {
        let met = self.meet().await?;
        let Some(first) = met.first() else { return Ok(()) };
        let got = fleet::certificates(&first.connection, &first.node).await?;
        let (root, id) = (self.folder.path(), &self.ready.cluster_id);
        let files = [
            ("ClusterCsr.csr", got.cluster_csr),
            ("HsmCertificate.crt", got.hsm_certificate),
            ("AwsHardwareCertificate.crt", got.aws_hardware_certificate),
            ("ManufacturerHardwareCertificate.crt", got.manufacturer_hardware_certificate),
            ("CustomerHsmCertificate.crt", got.cluster_certificate),
        ];
        let mut written = Vec::new();
        for (name, content) in files {
            let Some(content) = content else { continue };
            let name = format!("{id}_{name}");
            write_public(&root.join(&name), content.as_bytes())?;
            written.push(name);
        }
        for path in [self.folder.layout().aws_root(), self.folder.layout().manufacturer_root()] {
            if let Some(name) = path.file_name() {
                write_public(&root.join(name), read(&path)?.as_bytes())?;
                written.push(name.to_string_lossy().into_owned());
            }
        }
        self.console.step("certificates", &written);
        Ok(())
    }

    /// Signs the first HSM's CSR with customerCA, unless that was done before.
    pub(super) async fn initialize(&mut self) -> Result<(), Failure> {
        if self.ready.state == NodeState::Uninitialized.name() {
            let met = self.meet().await?;
            let first = met.first().ok_or_else(|| Failure::new("the cluster has no HSM"))?;
            let key = Zeroizing::new(read(&self.folder.path().join("customerCA.key"))?);
            let ca = Authority::from_pem(&read(&self.folder.layout().customer_ca())?, &key)?;
            let csr = fleet::certificates(&first.connection, &first.node).await?.cluster_csr;
            let signed = fleet::sign_csr(csr.as_deref().unwrap_or_default(), &ca)?;
            let id = &self.ready.cluster_id;
            self.endpoint.initialize_cluster(REGION, id, &signed, ca.certificate()).await?;
            self.settle().await?;
        }
        let cluster_id = &self.ready.cluster_id;
        let text = format!("{cluster_id}: its certificate is signed by customerCA");
        self.console.step("initialized", &[text]);
        Ok(())
    }

    /// Sets the admin's password, unless that was done before; then the other HSMs join.
    pub(super) async fn activate(&mut self) -> Result<(), Failure> {
        let fresh = self.ready.state == NodeState::Initialized.name();
        if fresh {
            let password = match self.ready.admin.take() {
                Some(admin) => admin.password,
                None => new_password(),
            };
            // Known here before it is true there: a crash in between loses nothing.
            let username = ADMIN.to_owned();
            self.ready.admin = Some(Credentials { username, password: password.clone() });
            self.save()?;
            let met = self.meet().await?;
            if met.is_empty() {
                return Err(Failure::new("none of the cluster's HSMs can be reached"));
            }
            let unactivated = |met: &Met| met.state() == NodeState::Initialized;
            for met in met.into_iter().filter(unactivated) {
                set_admin_password(&met, &password).await?;
            }
        }
        let text = match &self.ready.admin {
            Some(admin) => {
                format!("{} has the password {}", admin.username, admin.password.expose())
            }
            None => "by hand; the admin's password is not known here".to_owned(),
        };
        self.console.step("activated", &[text]);
        if fresh {
            self.settle().await?;
        }
        Ok(())
    }

    /// Creates the users that are missing. False: that takes an admin password that only the person
    /// who activated the cluster knows.
    pub(super) async fn create_users(&mut self) -> Result<bool, Failure> {
        let mut missing = self.missing_users().await?;
        if self.was_connected().await {
            // Its password was changed since: one made now with the first password would not fit.
            missing.retain(|(_, name)| *name != KMSUSER);
        }
        if self.ready.admin.is_none() {
            // A person has activated the cluster, and creates the users that it is to have.
            missing.retain(|(_, name)| *name == KMSUSER);
            if !missing.is_empty() {
                self.ready.kmsuser = None;
                let text = "the admin's password is not known here: create kmsuser by hand";
                self.console.step("users", &[text.to_owned()]);
                return Ok(false);
            }
        }
        if missing.iter().any(|(_, name)| *name == EXAMPLE_USER)
            && self.ready.example_user.is_none()
        {
            let username = EXAMPLE_USER.to_owned();
            self.ready.example_user = Some(Credentials { username, password: new_password() });
            self.save()?;
        }
        if let (false, Some(admin)) = (missing.is_empty(), self.ready.admin.clone()) {
            let example = self.ready.example_user.as_ref().map(|user| user.password.clone());
            at_once(by_node(missing).into_iter().map(|(met, names)| {
                create_on(met, names, admin.password.clone(), example.clone())
            }))
            .await?;
        }
        self.ready.kmsuser = Some(Username { username: KMSUSER.to_owned() });
        self.save()?;
        let example = self.ready.example_user.as_ref().map_or(String::new(), |user| {
            format!("{} has the password {}", user.username, user.password.expose())
        });
        let lines = [example, format!("{KMSUSER} is for AWS KMS")];
        self.console
            .step("users", &lines.into_iter().filter(|l| !l.is_empty()).collect::<Vec<_>>());
        Ok(true)
    }

    /// Which of our users are missing, and where.
    async fn missing_users(&self) -> Result<Vec<(Met, &'static str)>, Failure> {
        // A fresh one that has not joined yet will bring them along.
        let members = self.meet().await?.into_iter();
        let members = members.filter(|met| met.state() != NodeState::Uninitialized);
        let listed = at_once(members.map(|met| async move {
            let listed = met.connection.call(&ListUsers {}).await;
            let users = listed.map_err(met.failed("list its users"))?.users;
            Ok((met, users))
        }))
        .await?;
        let mut missing = Vec::new();
        for (met, users) in listed {
            for name in [EXAMPLE_USER, KMSUSER] {
                if !users.iter().any(|user| user.username == name) {
                    let met = Met { node: met.node.clone(), connection: met.connection.clone() };
                    missing.push((met, name));
                }
            }
        }
        Ok(missing)
    }
}

/// What is missing, node by node.
fn by_node(missing: Vec<(Met, &'static str)>) -> Vec<(Met, Vec<&'static str>)> {
    let mut nodes: Vec<(Met, Vec<&'static str>)> = Vec::new();
    for (met, name) in missing {
        match nodes.last_mut().filter(|(last, _)| last.node.hsm_id == met.node.hsm_id) {
            Some((_, names)) => names.push(name),
            None => nodes.push((met, vec![name])),
        }
    }
    nodes
}

async fn set_admin_password(met: &Met, password: &Secret) -> Result<(), Failure> {
    let username = ADMIN.to_owned();
    let login = Login {
        role: Role::Preco,
        username: username.clone(),
        password: Secret::new(FIRST_PASSWORD),
    };
    met.connection.call(&login).await.map_err(met.failed("log the first admin in"))?;
    let change = ChangePassword {
        role: Role::Preco,
        username,
        password: password.clone(),
        second_factor: None,
    };
    met.connection.call(&change).await.map_err(met.failed("set the admin's password"))?;
    Ok(())
}

async fn create_on(
    met: Met,
    names: Vec<&'static str>,
    admin: Secret,
    example: Option<Secret>,
) -> Result<(), Failure> {
    let login = Login { role: Role::Co, username: ADMIN.to_owned(), password: admin };
    met.connection.call(&login).await.map_err(met.failed("log the admin in"))?;
    for name in names {
        let password = match (name, &example) {
            (EXAMPLE_USER, Some(password)) => password.clone(),
            _ => Secret::new(KMS_PASSWORD),
        };
        let username = name.to_owned();
        let create = CreateUser { role: Role::Cu, username, password, second_factor: None };
        met.connection.call(&create).await.map_err(met.failed(&format!("create {name}")))?;
    }
    met.connection.call(&Logout {}).await.map_err(met.failed("log the admin out"))?;
    Ok(())
}

fn new_password() -> Secret {
    Secret::new(Alphanumeric.sample_string(&mut rand::rng(), PASSWORD_LEN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::limits;

    #[test]
    fn passwords_are_fit_for_every_user() {
        let (one, other) = (new_password(), new_password());
        assert_ne!(one, other);
        assert!((limits::PASSWORD_MIN..=limits::PASSWORD_MAX).contains(&one.expose().len()));
        assert!(one.expose().chars().all(|c| c.is_ascii_alphanumeric()));
    }
}

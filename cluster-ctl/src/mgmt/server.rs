//! One HSM as the shell sees it: a connection of its own, and who is logged in there.
use hsm_client::{CallError, ClusterConfig, ConnectError, Connection, Endpoint, Request};
use proto::{Fault, Role};
use std::fmt;

/// A server of the configuration. Shown as `server 0(127.0.0.1)`.
pub(super) struct Server {
    pub(super) number: usize,
    pub(super) endpoint: Endpoint,
    pub(super) connection: Connection,
    /// Who is logged in over this connection.
    pub(super) login: Option<(Role, String)>,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server {}({})", self.number, self.endpoint.host)
    }
}

impl Server {
    pub(super) async fn open(
        number: usize,
        endpoint: &Endpoint,
        config: &ClusterConfig,
    ) -> Result<Self, ConnectError> {
        let connection =
            Connection::open(endpoint, &config.identity, config.connect_timeout).await?;
        Ok(Self { number, endpoint: endpoint.clone(), connection, login: None })
    }

    /// Calls the HSM; an error is the text that the shell prints.
    pub(super) async fn call<C: Request>(&self, command: &C) -> Result<C::Reply, String> {
        self.connection.call(command).await.map_err(|error| text(&error))
    }
}

/// Texts that scripts around cloudhsm_mgmt_util look for come first.
fn text(error: &CallError) -> String {
    match error {
        CallError::Refused(refusal) if refusal.fault == Fault::PasswordUnfit => {
            format!("min pswd len 7 and max pswd len 32 ({refusal})")
        }
        CallError::Refused(refusal) => refusal.to_string(),
        CallError::Lost { .. } | CallError::NotSent { .. } => format!(
            "HSM CLUSTER ERROR: Server in cluster is unavailable ({error}). Once it runs again, \
             quit and start this shell anew"
        ),
        error => error.to_string(),
    }
}

//! How to ask HSMs: pipelined connections, and a cluster that balances, fails over and copies keys.
//!
//! [`Connection`] is one TLS line to one HSM. [`Cluster`] is all HSMs of a cluster: it learns them
//! from any one, stays connected to all, and puts token keys on each. What it decides, it decides
//! in `decisions`, without I/O, clock or chance. Nothing here prints.

mod cluster;
mod config;
mod connection;
mod decisions;
mod endpoint_call;
mod error;
mod join;
mod keeper;
mod keys;
mod line;
mod node;
mod pending;
mod seal;
mod set_aside;
mod tls;
mod users;

pub use cluster::{Cluster, ClusterConfig};
pub use config::{ConfigError, ConfigFile};
pub use connection::{Connection, Request};
pub use endpoint_call::{SIM_TOKEN, call_endpoint};
pub use error::{CallError, ConnectError, EachNode, Endpoint, NodeView, OpenError, PartialFailure};
pub use join::{
    Condition, DISK_STATUS, HostFile, JOIN_PATH, JoinOrder, JoinRequest, PORT_STATUS, Trouble,
    open_order, open_request, seal_order, seal_request,
};
pub use keys::Coverage;
pub use pending::Pending;
pub use seal::{SealingKey, Unfit};
pub use set_aside::{KEPT_DAYS, SetAside, SetAsideHsm};
pub use tls::{TlsError, TlsIdentity, Trust};

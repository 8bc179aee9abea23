//! The machine around one HSM: TLS, connections, a disk, peers. It decides nothing about users or
//! keys: frames go to `hsm-core`, and replies leave when what they depend on is durable.
mod budget;
mod connection;
mod descriptors;
mod error;
mod folder;
mod join;
mod lanes;
mod listener;
mod lobby;
mod node;
mod options;
mod outbox;
mod process;
mod rooms;
mod store;
mod sync;
mod tls;
mod world;
mod writer;

pub use error::NodeError;
pub use hsm_core::Record;
pub use node::Node;
pub use options::{Engine, Limits, Options};
pub use process::main;
pub use store::{FjallStore, Store};

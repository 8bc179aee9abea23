//! The HSM itself, without a socket, a clock or a disk: bytes in, bytes out, the world passed in.
mod audit;
mod authorise;
mod backup;
mod crypto;
mod execute;
mod handle;
mod identity;
mod key;
mod logins;
mod masked;
mod password;
mod record;
mod retries;
mod seal;
mod serve;
mod session;
mod settings;
mod template;
mod user;
mod vault;
mod world;

pub use crypto::EngineKind;
pub use identity::{Factory, Identity};
pub use serve::{Hsm, OpenError, weight};
pub use session::{Peer, Session};
pub use settings::{HsmType, Settings};
pub use world::{Record, World};

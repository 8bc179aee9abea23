//! AWS KMS's side of one CloudHSM key store: logs in as `kmsuser` on every HSM, gives it a password
//! that nobody else knows, and makes and uses the material of KMS keys.
//!
//! [`connect`] does what ConnectCustomKeyStore does, or fails with one of the API's
//! [`ConnectionErrorCode`]s. What is decided on the way is in `judge`, without I/O. A connector
//! that is killed at any moment connects again: before an HSM hears of a new password, the
//! [`CredentialStore`] has it. For each HSM it keeps one password, or two while it is not known
//! which of them the HSM has; more than two are never tried, and none that could be the one that
//! locks kmsuser out.
//!
//! ```
//! use kms_connector::{Credentials, MemoryStore, Settings, connect};
//! # use fleet::{Layout, NodeView, read};
//! # use hsm_client::{Connection, Endpoint, TlsIdentity, Trust};
//! # use hsm_node::{FjallStore, Node, Options};
//! # use proto::command::{cluster::*, session::*, user::*};
//! # use proto::{Role, Secret};
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let layout = Layout::new(folder.path());
//! # let roster = fleet::provision(&layout, Some(2), &["us-east-1a", "us-east-1b"], None)?;
//! # let ca = fleet::make_ca("customerCA")?;
//! # fleet::write_public(&layout.customer_ca(), ca.certificate().as_bytes())?;
//! # let (mut nodes, mut views) = (Vec::new(), Vec::new());
//! # for seat in &roster.nodes {
//! #     let options = Options::new(layout.node(&seat.hsm_id), "127.0.0.1:0".parse()?);
//! #     let node = Node::start(&options, |path| Ok(Box::new(FjallStore::open(path)?))).await?;
//! #     views.push(NodeView::at(seat, node.address()));
//! #     nodes.push(node);
//! # }
//! # let line = fleet::connect(&layout, &views[0]).await?;
//! # fleet::initialize(&line, &views[0], &ca).await?;
//! # let (username, new) = ("admin".to_owned(), Secret::new("adminpass1"));
//! # let line = fleet::connect(&layout, &views[0]).await?;
//! # let (role, password) = (Role::Preco, Secret::new("password"));
//! # line.call(&Login { role, username: username.clone(), password }).await?;
//! # let (name, password, second_factor) = (username.clone(), new.clone(), None);
//! # line.call(&ChangePassword { role, username: name, password, second_factor }).await?;
//! # let line = fleet::connect(&layout, &views[0]).await?;
//! # line.call(&Login { role: Role::Co, username, password: new }).await?;
//! # let (username, password) = ("kmsuser".to_owned(), Secret::new("kmsPswd"));
//! # line.call(&CreateUser { role: Role::Cu, username, password, second_factor: None }).await?;
//! # let line = fleet::connect(&layout, &views[0]).await?;
//! # let backup = fleet::backup(&line, &views[0]).await?;
//! # fleet::restore(&fleet::connect(&layout, &views[1]).await?, &views[1], &backup).await?;
//! # let member = |view: &NodeView| Member {
//! #     hsm_id: view.hsm_id.clone(), hostname: view.address.ip().to_string(),
//! #     port: view.address.port(), zone: view.zone.clone(),
//! # };
//! # for view in &views {
//! #     let members = views.iter().map(member).collect();
//! #     fleet::connect(&layout, view).await?.call(&SetMembers { members }).await?;
//! # }
//! # let cluster_id = roster.cluster_id.as_str();
//! # let servers = vec![views[0].endpoint()];
//! # let anchor_pem = read(&layout.customer_ca())?;
//! # let (certificate, key) = (read(&layout.service_certificate())?, read(&layout.service_key())?);
//! let identity = TlsIdentity::new(Trust::Cluster { anchor_pem }, &certificate, &key)?;
//! let settings = Settings::new("cks-1234567890abcdef0", cluster_id, servers, identity);
//! // What the operator gave kmsuser; KMS changes it while it connects.
//! let store = MemoryStore::new(Credentials::new(Secret::new("kmsPswd")));
//! let connected = connect(settings, &store).await?;
//!
//! let arn = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
//! let key = connected.create_key(arn).await?;
//! let sealed = connected.encrypt(key.handle, b"a secret", b"context").await?;
//! assert_eq!(*connected.decrypt(key.handle, &sealed, b"context").await?, b"a secret");
//! assert!(connected.decrypt(key.handle, &sealed, b"another context").await.is_err());
//! connected.disconnect().await;
//! # Ok(())
//! # }
//! ```
mod backing_key;
mod connect;
mod connected;
mod credentials;
mod error;
mod file_store;
mod identity;
mod judge;
mod key_error;
mod reserve;
mod resume;
mod rotate;
mod seal;
mod settings;
mod tries;

pub use backing_key::{BackingKey, template};
pub use connect::connect;
pub use connected::{Ciphertext, Connected};
pub use credentials::{
    Apart, CredentialStore, Credentials, MemoryStore, Passwords, StoreError, is_key_store_password,
};
pub use error::{ConnectError, ConnectionErrorCode};
pub use file_store::FileStore;
pub use identity::Identity;
pub use judge::KMSUSER;
pub use key_error::{CreateKeyError, KeyError};
pub use resume::resume;
pub use seal::{Sealed, open, seal};
pub use settings::Settings;
pub use tries::{Tries, Try};

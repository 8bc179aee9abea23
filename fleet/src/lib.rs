//! A cluster's nodes as processes: their folders, certificates, addresses, lives and deaths.
//!
//! [`provision`] writes what a fresh HSM has when it leaves the factory; [`Fleet::start`] runs one
//! process for each node folder and starts it again when it crashes; `appliance` is the control
//! plane's side of the wire: initialise, back up, restore, tell who the members are. Users, keys
//! and AWS are not known here.

mod appliance;
mod disk;
mod error;
mod front;
mod held;
mod ids;
mod issue;
mod layout;
mod process;
mod provision;
mod remote;
mod revive;
mod supervise;

pub use appliance::{Backup, backup, certificates, connect, initialize, restore};
pub use disk::{make_folder, read, read_pem, write_public, write_secret};
pub use error::{Cause, FleetError};
pub use front::Front;
pub use held::{hold, is_held, release};
pub use ids::new_id;
pub use issue::{Authority, Issued, make_ca, make_client_certificate, sign_csr};
pub use layout::Layout;
pub use provision::{
    Roster, Seat, factory_files, provision, provision_installation, provision_node,
};
pub use supervise::{Event, Fleet, Launch, NodeView};

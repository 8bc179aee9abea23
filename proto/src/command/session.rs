//! Meeting an HSM, logging in and out.
use crate::message::Secret;
use crate::terms::{NodeState, Role};

message! {
    /// The first request of a connection.
    Hello { 0 version: u32 }
    /// Which HSM this is.
    Welcome {
        0 version: u32, 2 hsm_id: String, 4 cluster_id: String, 6 node: u16, 8 state: NodeState,
        10 zone: String,
    }
    /// Logging in.
    Login { 0 role: Role, 2 username: String, 4 password: Secret }
    /// The user's id on this HSM.
    LoggedIn { 0 user_id: u32 }
    /// Logging out.
    Logout {}
    /// Done.
    LoggedOut {}
}

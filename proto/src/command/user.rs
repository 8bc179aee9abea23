//! The users of one HSM.
use crate::message::{Blob, Secret};
use crate::terms::Role;

message! {
    /// A new user. A second factor is the public key of CloudHSM's 2FA.
    CreateUser {
        0 role: Role, 2 username: String, 4 password: Secret, 6 second_factor: Option<Blob>,
    }
    /// The new user's id on this HSM.
    UserCreated { 0 id: u32 }
    /// The user to delete.
    DeleteUser { 0 role: Role, 2 username: String }
    /// Done.
    UserDeleted {}
    /// The user, and its new password.
    ChangePassword {
        0 role: Role, 2 username: String, 4 password: Secret, 6 second_factor: Option<Blob>,
    }
    /// Done.
    PasswordChanged {}
    /// No parameters.
    ListUsers {}
    /// One user. `logins` counts the connections, other than this one, on which it is logged in.
    UserListed {
        0 id: u32, 2 role: Role, 4 username: String, 6 login_failures: u32, 8 locked: bool,
        10 logins: u32, 12 second_factor: bool,
    }
    /// In the order of their ids.
    UsersListed { 0 users: Vec<UserListed> }
}

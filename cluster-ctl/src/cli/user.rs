//! `user create|delete|list|change-password`: the same change on every HSM, since HSMs do not
//! synchronise users.
use super::cluster::secret;
use super::outcome::{self, Outcome};
use super::{Failure, kms_user, login, prompt, user_list};
use clap::{Args, Subcommand, ValueEnum};
use hsm_client::Cluster;
use proto::command::user::{ChangePassword, CreateUser, DeleteUser, ListUsers};
use proto::{Fault, Role, Secret};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::PathBuf;

/// The users of the cluster.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Create a user on every HSM; again, to repair one that some HSMs miss
    #[command(after_help = format!("\
Examples:
  export CLOUDHSM_ROLE=admin CLOUDHSM_PIN=admin:password
  cluster-ctl user create --username alice --role crypto-user --password 'Passw0rd'
  cluster-ctl user create --username kmsuser --role crypto-user --password kmsPswd

{}", super::LOGIN_HELP))]
    Create(Credentials),
    /// Delete a user from every HSM
    #[command(
        after_help = "Example:\n  cluster-ctl user delete --username alice --role crypto-user"
    )]
    Delete(Named),
    /// List the users of all HSMs, merged; needs no login
    #[command(after_help = "\
Example:
  cluster-ctl user list

`locked`, `role` and `cluster-coverage` say inconsistent where HSMs differ.")]
    List,
    /// Change a password on every HSM; an admin's change also unlocks the user
    #[command(after_help = "\
Example:
  cluster-ctl user change-password --username alice --role crypto-user --password 'N3wPassword'")]
    ChangePassword(Change),
    /// Change a user's second factor (not simulated yet)
    #[command(subcommand)]
    ChangeMfa(MfaCommand),
}

/// A role that people have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CliRole {
    /// CO: manages users
    Admin,
    /// CU: owns and uses keys
    CryptoUser,
}

impl CliRole {
    fn role(self) -> Role {
        match self {
            Self::Admin => Role::Co,
            Self::CryptoUser => Role::Cu,
        }
    }
}

/// A user, by name and role.
#[derive(Args, Debug)]
pub(crate) struct Named {
    /// 1 to 31 letters, digits or underscores
    #[arg(long, value_name = "NAME")]
    username: String,
    /// What the user is
    #[arg(long, value_name = "ROLE")]
    role: CliRole,
    /// A file of quorum approvals (not simulated yet)
    #[arg(long, value_name = "FILE")]
    approval: Option<PathBuf>,
}

/// A user and its password.
#[derive(Args, Debug)]
pub(crate) struct Credentials {
    #[command(flatten)]
    user: Named,
    /// 7 to 32 characters, no colon. Asked for without this
    #[arg(long, value_name = "PASSWORD", value_parser = secret)]
    password: Option<Secret>,
}

/// A user and its new password.
#[derive(Args, Debug)]
pub(crate) struct Change {
    #[command(flatten)]
    credentials: Credentials,
    /// Take the user's second factor away (not simulated yet)
    #[arg(long)]
    deregister_mfa: bool,
    /// Take the user's quorum key away (not simulated yet)
    #[arg(long)]
    deregister_quorum: bool,
}

/// The second factors there are.
#[derive(Debug, Subcommand)]
pub(crate) enum MfaCommand {
    /// A key that signs a token at each login (not simulated yet)
    #[command(after_help = "\
Example:
  cluster-ctl user change-mfa token-sign --username alice --role crypto-user --token tokens.json")]
    TokenSign(TokenSign),
}

/// What the second factor is for.
#[derive(Args, Debug)]
pub(crate) struct TokenSign {
    #[command(flatten)]
    user: Named,
    /// Where the tokens to sign are written
    #[arg(long, value_name = "FILE")]
    token: Option<PathBuf>,
    /// Change the password too
    #[arg(long, value_name = "PASSWORD", value_parser = secret)]
    change_password: Option<Secret>,
    /// Use the key for quorum authentication too
    #[arg(long)]
    change_quorum: bool,
    /// Take the second factor away
    #[arg(long, alias = "disable")]
    deregister: bool,
}

impl Named {
    /// Names are case-insensitive and shown in lower case.
    fn name(&self) -> String {
        self.username.to_ascii_lowercase()
    }

    fn answer(&self) -> Value {
        json!({ "username": self.name(), "role": self.role.role().cli_name() })
    }

    fn check(&self) -> Result<(), Failure> {
        match self.approval {
            Some(_) => Err(Failure::NotSimulated("quorum authentication (--approval)")),
            None => Ok(()),
        }
    }
}

/// Refuses, before any HSM is asked, what no HSM would do.
pub(super) fn check(command: &UserCommand) -> Result<(), Failure> {
    let credentials = match command {
        UserCommand::List => return Ok(()),
        UserCommand::Delete(user) => return user.check(),
        UserCommand::ChangeMfa(MfaCommand::TokenSign(request)) => return Err(refuse_mfa(request)),
        UserCommand::Create(credentials) => credentials,
        UserCommand::ChangePassword(change) => {
            if change.deregister_mfa || change.deregister_quorum {
                return Err(Failure::NotSimulated(
                    "second factors and quorum keys (--deregister-...)",
                ));
            }
            &change.credentials
        }
    };
    credentials.user.check()?;
    if let Some(password) = &credentials.password {
        kms_user::check_password(&credentials.user.username, password.expose())?;
    }
    Ok(())
}

fn refuse_mfa(request: &TokenSign) -> Failure {
    if kms_user::is(&request.user.username) && !request.deregister {
        return kms_user::Unfit::SecondFactor.into();
    }
    Failure::NotSimulated("second factors (user change-mfa)")
}

pub(super) async fn run(command: &UserCommand, cluster: &Cluster) -> Result<Value, Failure> {
    match command {
        UserCommand::List => list(cluster).await,
        UserCommand::Create(request) => create(request, cluster).await,
        UserCommand::Delete(user) => delete(user, cluster).await,
        UserCommand::ChangePassword(change) => change_password(&change.credentials, cluster).await,
        UserCommand::ChangeMfa(MfaCommand::TokenSign(request)) => Err(refuse_mfa(request)),
    }
}

async fn list(cluster: &Cluster) -> Result<Value, Failure> {
    let outcomes = outcome::of(cluster.call_each(&ListUsers {}).await);
    let heard: Vec<_> = outcomes
        .iter()
        .filter_map(|(_, outcome)| match outcome {
            Outcome::Done(listed) => Some(listed.users.as_slice()),
            _ => None,
        })
        .collect();
    if heard.is_empty() {
        return Err(Failure::Partial(format!("User list {}", outcome::node_by_node(&outcomes))));
    }
    Ok(json!({ "users": user_list::merged(&heard) }))
}

async fn create(request: &Credentials, cluster: &Cluster) -> Result<Value, Failure> {
    login::log_in(cluster, Role::Co).await?;
    let password = new_password(request)?;
    let (role, username) = (request.user.role.role(), request.user.name());
    let there = roles_by_hsm(cluster, &username).await;
    if let Some((hsm, other)) = there.iter().find(|(_, there)| **there != role) {
        return Err(Failure::Unfit(format!(
            "{hsm} has a user {username} with the role {}: delete that one first",
            other.cli_name()
        )));
    }
    let command = CreateUser { role, username, password, second_factor: None };
    let outcomes = outcome::of(cluster.call_each(&command).await);
    outcome::settle("User create", &outcomes, |hsm, refusal| {
        refusal.fault == Fault::UserExists && there.contains_key(hsm)
    })?;
    Ok(request.user.answer())
}

/// The role that the user has on each HSM where it is.
async fn roles_by_hsm(cluster: &Cluster, username: &str) -> HashMap<String, Role> {
    let outcomes = outcome::of(cluster.call_each(&ListUsers {}).await);
    let role = |listed: &[proto::command::user::UserListed]| {
        listed.iter().find(|user| user.username == username).map(|user| user.role)
    };
    outcomes
        .iter()
        .filter_map(|(hsm, outcome)| match outcome {
            Outcome::Done(listed) => Some((hsm.clone(), role(&listed.users)?)),
            _ => None,
        })
        .collect()
}

async fn delete(user: &Named, cluster: &Cluster) -> Result<Value, Failure> {
    login::log_in(cluster, Role::Co).await?;
    let command = DeleteUser { role: user.role.role(), username: user.name() };
    let outcomes = outcome::of(cluster.call_each(&command).await);
    outcome::settle("User delete", &outcomes, |_, refusal| refusal.fault == Fault::UserNotFound)?;
    Ok(user.answer())
}

async fn change_password(request: &Credentials, cluster: &Cluster) -> Result<Value, Failure> {
    login::log_in(cluster, Role::Co).await?;
    let command = ChangePassword {
        role: request.user.role.role(),
        username: request.user.name(),
        password: new_password(request)?,
        second_factor: None,
    };
    let outcomes = outcome::of(cluster.change_password(&command).await);
    outcome::settle("User change-password", &outcomes, |_, _| false)?;
    Ok(request.user.answer())
}

fn new_password(request: &Credentials) -> Result<Secret, Failure> {
    let password = match &request.password {
        Some(password) => password.clone(),
        None => prompt::new_password()?,
    };
    kms_user::check_password(&request.user.username, password.expose())?;
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        command: UserCommand,
    }

    #[test]
    fn refused_before_any_hsm_is_asked() {
        for (line, says) in [
            ("create --username kmsuser --role crypto-user --password kmsPswd", ""),
            (
                "create --username kmsuser --role crypto-user --password kms-pswd",
                "AWS KMS takes only",
            ),
            ("create --username KMSUSER --role crypto-user --password short", "AWS KMS takes only"),
            (
                "change-password --username kmsuser --role crypto-user --password a.b.c.d",
                "AWS KMS takes only",
            ),
            (
                "change-mfa token-sign --username kmsuser --role crypto-user --token f",
                "could not connect",
            ),
            (
                "change-mfa token-sign --username alice --role crypto-user --token f",
                "not simulated yet",
            ),
            ("delete --username alice --role admin --approval f", "not simulated yet"),
            ("list", ""),
        ] {
            let parsed =
                Line::try_parse_from(["user"].into_iter().chain(line.split(' '))).expect(line);
            let text = check(&parsed.command).err().map(|f| f.to_string()).unwrap_or_default();
            assert!(text.contains(says) && text.is_empty() == says.is_empty(), "{line}: {text}");
        }
    }
}

//! Logging in for one command: who from the environment, or from questions.
use super::Failure;
use super::outcome::{self, Outcome, Outcomes};
use super::prompt;
use hsm_client::Cluster;
use proto::{Fault, Role, Secret};

/// CloudHSM CLI's variable for the role.
const ROLE: &str = "CLOUDHSM_ROLE";
/// CloudHSM CLI's variable for `user:password`.
const PIN: &str = "CLOUDHSM_PIN";

/// Who logs in.
#[derive(Debug, PartialEq)]
struct Who {
    role: Role,
    username: String,
    password: Secret,
}

/// Logs in on every HSM. Without CLOUDHSM_ROLE, in the role that the command is for. HSMs that
/// cannot be reached are left out; one that refuses is an error.
pub(super) async fn log_in(cluster: &Cluster, usual: Role) -> Result<(), Failure> {
    let role = std::env::var(ROLE).ok();
    let pin = std::env::var(PIN).ok().map(Secret::new);
    let who = match from_environment(usual, role.as_deref(), pin.as_ref())? {
        Ok(who) => who,
        Err(role) => ask(role)?,
    };
    as_user(cluster, who.role, &who.username, &who.password).await
}

/// Logs in as a given user.
pub(super) async fn as_user(
    cluster: &Cluster,
    role: Role,
    username: &str,
    password: &Secret,
) -> Result<(), Failure> {
    judge(role, username, &outcome::of(cluster.login(role, username, password).await))
}

/// `Err(role)`: nobody is named, so ask for a user of this role.
fn from_environment(
    usual: Role,
    role: Option<&str>,
    pin: Option<&Secret>,
) -> Result<Result<Who, Role>, Failure> {
    let role = match role {
        None | Some("") => usual,
        Some("admin") => Role::Co,
        Some("crypto-user") => Role::Cu,
        Some(other) => {
            return Err(Failure::Unfit(format!(
                "{ROLE} must be admin or crypto-user, and is {other:?}"
            )));
        }
    };
    let Some(pin) = pin else { return Ok(Err(role)) };
    match pin.expose().split_once(':') {
        Some((username, password)) if !username.is_empty() && !password.is_empty() => {
            Ok(Ok(Who { role, username: username.to_owned(), password: Secret::new(password) }))
        }
        _ => Err(Failure::Unfit(format!("{PIN} must be user:password"))),
    }
}

fn ask(role: Role) -> Result<Who, Failure> {
    let username = match role {
        Role::Co => prompt::line("Username (admin):")?,
        _ => prompt::line("Username:")?,
    };
    let username = match (username.trim(), role) {
        ("", Role::Co) => "admin".to_owned(),
        (name, _) => name.to_owned(),
    };
    Ok(Who { role, username, password: prompt::password()? })
}

fn judge<R>(role: Role, username: &str, outcomes: &Outcomes<R>) -> Result<(), Failure> {
    let refused = outcomes.iter().find_map(|(_, outcome)| match outcome {
        Outcome::Refused(refusal) => Some(refusal.fault),
        _ => None,
    });
    let Some(fault) = refused else {
        let one = outcomes.iter().any(|(_, outcome)| matches!(outcome, Outcome::Done(_)));
        let lost = || Failure::Login(format!("Login {}", outcome::node_by_node(outcomes)));
        return if one { Ok(()) } else { Err(lost()) };
    };
    let all = outcome::unanimous(outcomes);
    let hint = match fault {
        Fault::UserNotFound if all.is_none() => {
            "an admin's `user create` repairs a user that some HSMs miss"
        }
        Fault::LoginFailure | Fault::UserNotFound => "check the name, the role and the password",
        Fault::UserLocked => "an admin's `user change-password` unlocks the user",
        _ => "the login is not repeated by itself",
    };
    let what = match all {
        Some(refusal) => format!("failed: {refusal} ({hint})"),
        None => format!("{}\n  ({hint})", outcome::node_by_node(outcomes)),
    };
    Err(Failure::Login(format!("Login of {username} ({}) {what}", role.cli_name())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment() {
        let pin = |text: &str| Some(Secret::new(text));
        let who = |role, name: &str, password: &str| {
            Some(Ok(Who { role, username: name.to_owned(), password: Secret::new(password) }))
        };
        for (role, given, expected) in [
            (Some("crypto-user"), pin("alice:pass:word"), who(Role::Cu, "alice", "pass:word")),
            (Some("admin"), pin("admin:pw"), who(Role::Co, "admin", "pw")),
            (None, pin("a:b"), who(Role::Co, "a", "b")),
            (None, None, Some(Err(Role::Co))),
            (Some("crypto-user"), None, Some(Err(Role::Cu))),
            (Some("CU"), pin("a:b"), None),
            (None, pin("password"), None),
            (None, pin(":password"), None),
            (None, pin("alice:"), None),
        ] {
            assert_eq!(from_environment(Role::Co, role, given.as_ref()).ok(), expected);
        }
    }
}

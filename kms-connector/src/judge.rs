//! What to try and which error it is: every decision of a connect, without I/O.
use crate::credentials::{Credentials, Passwords};
use crate::error::{ConnectError, ConnectionErrorCode as Code};
use crate::tries::Tries;
use hsm_client::CallError;
use proto::command::user::UserListed;
use proto::{Fault, Role, Secret, limits};
use std::fmt;

/// The exact name of the crypto user that KMS logs in as.
pub const KMSUSER: &str = "kmsuser";

/// Why a server was of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unreached {
    /// It is an HSM of the cluster with this id.
    OtherCluster(String),
    /// Its certificate does not chain to the trust anchor.
    Untrusted(String),
    /// It did not take the service certificate.
    NotAdmitted(String),
    /// It is an HSM of the cluster, in this state, in which it serves nobody.
    NotActive(String),
    /// No answer, a cut line, and whatever else the network does.
    Silent(String),
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherCluster(id) => write!(f, "it is an HSM of {id}"),
            Self::NotActive(state) => write!(f, "it is {state}"),
            Self::Untrusted(why) | Self::NotAdmitted(why) | Self::Silent(why) => f.write_str(why),
        }
    }
}

/// What a connection that did not come about says of the server.
pub(crate) fn unreached(error: &hsm_client::ConnectError) -> Unreached {
    use hsm_client::ConnectError::*;
    match error {
        BadServerCertificate { why, .. } => Unreached::Untrusted(why.clone()),
        ClientCertificateRefused { why, .. } => Unreached::NotAdmitted(why.clone()),
        OtherCluster { found, .. } => Unreached::OtherCluster(found.clone()),
        Refused { .. } => Unreached::Silent("nobody listens there".to_owned()),
        TimedOut { .. } => Unreached::Silent("no answer in time".to_owned()),
        Declined { refusal, .. } => Unreached::Silent(refusal.to_string()),
        Unreachable { why, .. } | NotTls { why, .. } | Version { why, .. } | Lost { why, .. } => {
            Unreached::Silent(why.clone())
        }
    }
}

/// Which error it is that no server could be used. `servers` names each and says why.
pub(crate) fn nobody_reached(cluster_id: &str, servers: &[(String, Unreached)]) -> ConnectError {
    let hsms = list(servers.iter().map(|(server, why)| format!("{server}: {why}")));
    let any = |found: fn(&Unreached) -> bool| servers.iter().any(|(_, why)| found(why));
    if servers.is_empty() {
        return Code::InsufficientCloudhsmHsms.because(format!(
            "{cluster_id} has no HSM: create one, better two in different zones"
        ));
    }
    if any(|why| matches!(why, Unreached::NotActive(_))) {
        return Code::InsufficientCloudhsmHsms.because(format!(
            "{cluster_id} has no active HSM ({hsms}): initialize and activate it"
        ));
    }
    if any(|why| matches!(why, Unreached::OtherCluster(_))) {
        return Code::ClusterNotFound.because(format!(
            "{cluster_id} was not found ({hsms}): correct the cluster's id or the addresses"
        ));
    }
    let advice = if any(|why| matches!(why, Unreached::Untrusted(_))) {
        "the key store's trust anchor must be the customerCA.crt that the cluster was initialized \
         with"
    } else if any(|why| matches!(why, Unreached::NotAdmitted(_))) {
        "the service certificate must be of the service CA that the HSMs know"
    } else {
        "check that the HSMs run and that the network lets the connector through"
    };
    Code::NetworkErrors
        .because(format!("no HSM of {cluster_id} can be spoken to ({hsms}): {advice}"))
}

/// May KMS log in as kmsuser? `hsms` has every HSM that answered, and its kmsuser if it has one.
pub(crate) fn kmsuser_is_fit(hsms: &[(&str, Option<&UserListed>)]) -> Result<(), ConnectError> {
    let those = |unfit: &dyn Fn(Option<&UserListed>) -> bool| {
        let named = hsms.iter().filter(|(_, user)| unfit(*user)).map(|(hsm, _)| (*hsm).to_owned());
        Some(list(named)).filter(|names| !names.is_empty())
    };
    if let Some(missing) = those(&|user| user.is_none()) {
        return Err(Code::UserNotFound.because(format!(
            "the crypto user {KMSUSER} is missing on {missing} (it was found on {} of {} HSMs): \
             create it, with the same password on every HSM",
            hsms.iter().filter(|(_, user)| user.is_some()).count(),
            hsms.len()
        )));
    }
    let with = |unfit: fn(&UserListed) -> bool| those(&move |user| user.is_some_and(unfit));
    if let Some(hsms) = with(|user| user.second_factor) {
        return Err(Code::InvalidCredentials.because(format!(
            "{KMSUSER} has a second factor (2FA) on {hsms}, so KMS cannot log in: delete \
             the user and create it again without 2FA"
        )));
    }
    if let Some(hsms) = with(|user| user.locked) {
        return Err(Code::UserLockedOut.because(format!(
            "{KMSUSER} is locked out on {hsms}: change its password as an admin, and tell KMS \
             the new one"
        )));
    }
    if let Some(hsms) = with(|user| user.logins > 0) {
        return Err(Code::UserLoggedIn
            .because(format!("{KMSUSER} is logged in elsewhere on {hsms}: log it out")));
    }
    Ok(())
}

/// Whether waiting a little may help: a connector that died a moment ago is still logged in.
pub(crate) fn may_pass(error: &ConnectError) -> bool {
    error.code == Code::UserLoggedIn
}

/// kmsuser among the users of an HSM. Names are case-insensitive there, and kept in lower case.
pub(crate) fn kmsuser(users: Vec<UserListed>) -> Option<UserListed> {
    users.into_iter().find(|user| user.role == Role::Cu && user.username == KMSUSER)
}

/// Wrong passwords after which KMS tries no more: two attempts are always left to people.
const WRONG_TRIES_MAX: u32 = limits::WRONG_PASSWORDS_MAX - 1;

/// The passwords to try on an HSM, in this order: two at most, none that this HSM has refused
/// since its count of wrong ones began, and none that could bring the count above the bound.
pub(crate) fn attempts<'p>(
    hsm: &str,
    passwords: &'p Passwords,
    failures: u32,
    tries: &Tries,
) -> Vec<&'p Secret> {
    let known = passwords.next.iter().chain([&passwords.current]);
    let mut order: Vec<_> = known.filter(|known| !tries.is_refused(hsm, known, failures)).collect();
    order.truncate(WRONG_TRIES_MAX.saturating_sub(failures) as usize);
    order
}

/// Was kmsuser given another password on this HSM than on those that a connector takes up again?
pub(crate) fn has_other_password(hsm: &str, known: &Credentials) -> bool {
    let of_it = known.of(hsm);
    let shared = &known.passwords.current;
    of_it.current != *shared && of_it.next.as_ref() != Some(shared)
}

/// What kmsuser's password may be on an HSM that a connect is taken up on again. One that was
/// away when it was changed is not tried; other endpoints may be logged in.
pub(crate) fn may_resume(
    hsm: &str,
    kmsuser: Option<&UserListed>,
    known: &Credentials,
) -> Result<Passwords, ConnectError> {
    if has_other_password(hsm, known) {
        return Err(Code::InvalidCredentials.because(format!(
            "{hsm} was away when KMS changed {KMSUSER}'s password: it is used again after the \
             next connect"
        )));
    }
    let alone: Vec<_> =
        kmsuser.cloned().into_iter().map(|u| UserListed { logins: 0, ..u }).collect();
    kmsuser_is_fit(&[(hsm, alone.first())])?;
    Ok(known.of(hsm))
}

/// Which error it is that no password may be tried, or that none of those tried was right.
/// `failures`: how many wrong ones the HSM counts now.
pub(crate) fn not_logged_in(
    hsm: &str,
    passwords: &Passwords,
    failures: u32,
    tries: &Tries,
) -> ConnectError {
    let mut known = passwords.next.iter().chain([&passwords.current]);
    if known.any(|known| !tries.is_refused(hsm, known, failures)) {
        return Code::UserLockedOut.because(format!(
            "one more wrong password would leave {KMSUSER} fewer than two attempts on {hsm}, so \
             KMS does not try: change its password as an admin, and tell KMS the new one"
        ));
    }
    Code::InvalidCredentials.because(format!(
        "the password that KMS knows is not {KMSUSER}'s on {hsm}: change {KMSUSER}'s \
         password as an admin on every HSM, and tell KMS the new one"
    ))
}

/// What a failed request to an HSM means for the connect.
#[derive(Debug)]
pub(crate) enum Setback {
    /// The HSM is out of reach; whether it did what it was asked is not known.
    Away(String),
    /// It refused, which ends the connect.
    Fatal(ConnectError),
}

/// Whether another password may be tried.
pub(crate) fn is_wrong_password(error: &CallError) -> bool {
    error.refusal().is_some_and(|refusal| refusal.fault == Fault::LoginFailure)
}

/// Tells an HSM that is gone from one that refuses.
pub(crate) fn setback(hsm: &str, error: &CallError) -> Setback {
    match error {
        CallError::Lost { .. } | CallError::NotSent { .. } | CallError::NoNode { .. } => {
            Setback::Away(error.to_string())
        }
        CallError::Refused(refusal) => {
            Setback::Fatal(code(refusal.fault).because(format!("{hsm}: {refusal}")))
        }
        CallError::KeyAvailability | CallError::KeyReplication { .. } | CallError::BadReply(_) => {
            Setback::Fatal(internal(hsm, error))
        }
    }
}

/// The code of an HSM's refusal to list users, to log kmsuser in, or to change its password.
fn code(fault: Fault) -> Code {
    match fault {
        Fault::LoginFailure => Code::InvalidCredentials,
        Fault::UserNotFound => Code::UserNotFound,
        Fault::UserLocked => Code::UserLockedOut,
        Fault::UserLoggedIn => Code::UserLoggedIn,
        Fault::NotInitialized => Code::InsufficientCloudhsmHsms,
        Fault::TooManyConnections => Code::NetworkErrors,
        // Nothing else is a refusal of these requests, unless the connector or the HSM is wrong.
        _ => Code::InternalError,
    }
}

/// The failure of a credential store, or of an HSM that answers what it should not.
pub(crate) fn internal(what: &str, why: impl fmt::Display) -> ConnectError {
    Code::InternalError.because(format!("{what}: {why}"))
}

/// There are no credentials to log in with.
pub(crate) fn never_told() -> ConnectError {
    Code::InvalidCredentials.because("KMS was never told kmsuser's password")
}

/// No HSM is left of those that were reached.
pub(crate) fn all_lost(lost: &[(String, String)]) -> ConnectError {
    let hsms = list(lost.iter().map(|(hsm, why)| format!("{hsm}: {why}")));
    Code::NetworkErrors
        .because(format!("every HSM was lost while connecting ({hsms}): connect again"))
}

/// Which error it is that the working lines could not log in on any HSM.
pub(crate) fn no_login<'e>(
    failures: impl Iterator<Item = (&'e str, &'e CallError)>,
) -> ConnectError {
    let mut lost = Vec::new();
    for (hsm, error) in failures {
        match setback(hsm, error) {
            Setback::Fatal(error) => return error,
            Setback::Away(why) => lost.push((hsm.to_owned(), why)),
        }
    }
    all_lost(&lost)
}

fn list(names: impl Iterator<Item = String>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;

//! Logs in as kmsuser on every HSM, and gives it a password that only KMS knows.
use crate::credentials::{Apart, CredentialStore, Credentials, Passwords};
use crate::error::ConnectError;
use crate::judge::{self, Setback};
use crate::tries::Tries;
use hsm_client::CallError;
use proto::Secret;
use proto::command::user::UserListed;
use rand::distr::{Alphanumeric, SampleString};
use std::future::Future;
use std::time::Duration;
use tokio::time::Instant;

/// KMS developer guide: a password of kmsuser has 7 to 32 letters and digits.
const PASSWORD_LEN: usize = 32;

/// How often an HSM is asked whether a login elsewhere has ended.
const ASK_AGAIN: Duration = Duration::from_millis(25);

/// A connection to one HSM, as far as rotation needs it.
pub(crate) trait Line: Sync {
    /// Which HSM.
    fn hsm_id(&self) -> &str;
    /// kmsuser, if the HSM has one.
    fn kmsuser(&self) -> impl Future<Output = Result<Option<UserListed>, CallError>> + Send;
    /// Logs in as kmsuser.
    fn login(&self, password: &Secret) -> impl Future<Output = Result<(), CallError>> + Send;
    /// Changes the password of kmsuser, who is logged in on this line.
    fn change(&self, password: &Secret) -> impl Future<Output = Result<(), CallError>> + Send;
    /// Logs out.
    fn logout(&self) -> impl Future<Output = Result<(), CallError>> + Send;
}

/// What a rotation came to.
#[derive(Debug)]
pub(crate) struct Rotated {
    /// kmsuser's password on the HSMs of `done`.
    pub(crate) password: Secret,
    /// The HSMs that have it.
    pub(crate) done: Vec<String>,
    /// The members that do not: id and reason.
    pub(crate) missed: Vec<(String, String)>,
}

/// An HSM on which kmsuser is logged in, and the password that it turned out to have.
struct Entered<'l, L> {
    line: &'l L,
    password: Secret,
}

/// The work of one connect, and the HSMs that are not part of it: id and reason.
struct Rotation<'a, L, S> {
    lines: &'a [L],
    store: &'a S,
    known: Credentials,
    away: Vec<(String, String)>,
}

/// Rotates on `lines`. `away` are the cluster's members that were not reached. kmsuser is logged
/// out of all lines when this returns.
pub(crate) async fn rotate<L: Line, S: CredentialStore>(
    lines: &[L],
    away: Vec<(String, String)>,
    store: &S,
    grace: Duration,
) -> Result<Rotated, ConnectError> {
    let known = store.load().await.map_err(|e| judge::internal("the credentials", e))?;
    let known = known.ok_or_else(judge::never_told)?;
    let mut rotation = Rotation { lines, store, known, away };
    let mut entered = Vec::new();
    let rotated = match rotation.examine(grace).await {
        Ok(present) => rotation.run(present, &mut entered).await,
        Err(error) => Err(error),
    };
    for hsm in &entered {
        // What is lost here is logged out by the end of the line.
        let _ = hsm.line.logout().await;
    }
    rotated
}

impl<'a, L: Line, S: CredentialStore> Rotation<'a, L, S> {
    async fn run(
        &mut self,
        present: Vec<(&'a L, UserListed)>,
        entered: &mut Vec<Entered<'a, L>>,
    ) -> Result<Rotated, ConnectError> {
        let candidates: Vec<_> = present
            .into_iter()
            .map(|(line, user)| Candidate {
                line,
                passwords: self.known.of(line.hsm_id()),
                failures: user.login_failures,
            })
            .collect();
        let tries = plan(self.store, &candidates).await?;
        for Candidate { line, passwords, failures } in candidates {
            match enter(line, &passwords, failures, &tries).await {
                Ok(password) => entered.push(Entered { line, password }),
                Err(Setback::Away(why)) => self.lose(line, why),
                Err(Setback::Fatal(error)) => return Err(error),
            }
        }
        if entered.is_empty() {
            return Err(judge::all_lost(&self.away));
        }
        let next = Secret::new(Alphanumeric.sample_string(&mut rand::rng(), PASSWORD_LEN));
        // Saved before any HSM hears of it: whoever connects next knows both.
        let in_flight = entered.iter().map(|hsm| apart(hsm, Some(&next))).collect();
        self.save(in_flight).await?;
        self.change(entered, next).await
    }

    /// Asks every line for its kmsuser. A login elsewhere is given a moment to end.
    async fn examine(&mut self, grace: Duration) -> Result<Vec<(&'a L, UserListed)>, ConnectError> {
        let until = Instant::now() + grace;
        loop {
            let mut users = Vec::new();
            for line in self.lines {
                if self.away.iter().any(|(hsm, _)| hsm == line.hsm_id()) {
                    continue;
                }
                match line.kmsuser().await.map_err(|e| judge::setback(line.hsm_id(), &e)) {
                    Ok(user) => users.push((line, user)),
                    Err(Setback::Away(why)) => self.lose(line, why),
                    Err(Setback::Fatal(error)) => return Err(error),
                }
            }
            let seen: Vec<_> = users.iter().map(|(l, u)| (l.hsm_id(), u.as_ref())).collect();
            match judge::kmsuser_is_fit(&seen) {
                Err(error) if judge::may_pass(&error) && Instant::now() < until => {
                    tokio::time::sleep(ASK_AGAIN).await;
                }
                Err(error) => return Err(error),
                Ok(()) => {
                    return Ok(users.into_iter().filter_map(|(l, u)| Some((l, u?))).collect());
                }
            }
        }
    }

    /// Tells every HSM, then writes down what each has. One that was lost while it was told, or
    /// failed, may have either password; those behind one that refused have the old one.
    async fn change(
        &mut self,
        entered: &[Entered<'a, L>],
        next: Secret,
    ) -> Result<Rotated, ConnectError> {
        let (mut done, mut others, mut refused) = (Vec::new(), Vec::new(), None);
        for hsm in entered {
            if refused.is_some() {
                others.push(apart(hsm, None));
                continue;
            }
            let changed = hsm.line.change(&next).await;
            let Err(error) = changed else {
                done.push(hsm.line.hsm_id().to_owned());
                continue;
            };
            others.push(apart(hsm, Some(&next)));
            match judge::setback(hsm.line.hsm_id(), &error) {
                Setback::Away(why) => self.lose(hsm.line, why),
                Setback::Fatal(error) => refused = Some(error),
            }
        }
        let passwords = Passwords { current: next.clone(), next: None };
        let told = done.iter().map(|id| Apart { hsm_id: id.clone(), passwords: passwords.clone() });
        self.save(told.chain(others).collect()).await?;
        match refused {
            Some(error) => Err(error),
            None if done.is_empty() => Err(judge::all_lost(&self.away)),
            None => Ok(Rotated { password: next, done, missed: self.away.clone() }),
        }
    }

    /// Saves what these HSMs have; those that are away keep what was known of them.
    async fn save(&mut self, mut members: Vec<Apart>) -> Result<(), ConnectError> {
        for (hsm_id, _) in &self.away {
            if !members.iter().any(|m| m.hsm_id == *hsm_id) {
                let passwords = self.known.of(hsm_id);
                members.push(Apart { hsm_id: hsm_id.clone(), passwords });
            }
        }
        let Some(credentials) = Credentials::from_members(members) else {
            return Ok(());
        };
        let saved = self.store.save(&credentials).await;
        saved.map_err(|e| judge::internal("the credentials", e))
    }

    fn lose(&mut self, line: &L, why: String) {
        self.away.push((line.hsm_id().to_owned(), why));
    }
}

/// What this HSM has, or will have if it hears of `next`.
fn apart<L: Line>(hsm: &Entered<'_, L>, next: Option<&Secret>) -> Apart {
    let passwords = Passwords { current: hsm.password.clone(), next: next.cloned() };
    Apart { hsm_id: hsm.line.hsm_id().to_owned(), passwords }
}

/// An HSM on which kmsuser is to log in: what its password may be, and how many wrong ones the HSM
/// counts.
pub(crate) struct Candidate<'l, L> {
    pub(crate) line: &'l L,
    pub(crate) passwords: Passwords,
    pub(crate) failures: u32,
}

/// What was tried so far. Saves what is going to be tried now before any HSM hears of it.
pub(crate) async fn plan<L: Line, S: CredentialStore>(
    store: &S,
    candidates: &[Candidate<'_, L>],
) -> Result<Tries, ConnectError> {
    let failed = |e| judge::internal("the tries", e);
    let before = store.load_tries().await.map_err(failed)?;
    let mut planned = before.clone();
    for Candidate { line, passwords, failures } in candidates {
        let order = judge::attempts(line.hsm_id(), passwords, *failures, &before);
        planned.plan(line.hsm_id(), &order, *failures);
    }
    if planned != before {
        store.save_tries(&planned).await.map_err(failed)?;
    }
    Ok(planned)
}

/// Logs in with what the HSM may have, as it was planned, and says which it was.
pub(crate) async fn enter<L: Line>(
    line: &L,
    passwords: &Passwords,
    failures: u32,
    planned: &Tries,
) -> Result<Secret, Setback> {
    let attempts = judge::attempts(line.hsm_id(), passwords, failures, planned);
    let counted = failures + attempts.len() as u32;
    for password in attempts {
        match line.login(password).await {
            Ok(()) => return Ok(password.clone()),
            Err(error) if judge::is_wrong_password(&error) => {}
            Err(error) => return Err(judge::setback(line.hsm_id(), &error)),
        }
    }
    Err(Setback::Fatal(judge::not_logged_in(line.hsm_id(), passwords, counted, planned)))
}

#[cfg(test)]
mod tests;

//! Takes a connect up again: for a connector that was started anew, or that shares the key store
//! with the one that connected it.
use crate::connect::{Met, log_in, meet};
use crate::connected::Connected;
use crate::credentials::{CredentialStore, Credentials, Passwords};
use crate::error::ConnectError;
use crate::judge::{self, Setback};
use crate::rotate::{Candidate, Line, enter, plan};
use crate::settings::Settings;
use proto::Secret;

/// Logs in with the password that the last connect gave kmsuser. An HSM of which it is not known
/// whether it has heard of that password is told it now, if it has not. The credentials stay as
/// they are.
pub async fn resume<S: CredentialStore>(
    settings: Settings,
    store: &S,
) -> Result<Connected, ConnectError> {
    let known = store.load().await.map_err(|e| judge::internal("the credentials", e))?;
    let known = known.ok_or_else(judge::never_told)?;
    let Met { lines, mut away } = meet(&settings).await?;
    let endpoints = lines.iter().map(|line| line.connection.endpoint().clone()).collect();
    // Those that are away may come back.
    let away_now = away.iter().map(|(hsm_id, _)| hsm_id);
    let unfit = |hsm_id: &&String| judge::has_other_password(hsm_id, &known);
    let mut other: Vec<String> = away_now.filter(unfit).cloned().collect();
    let mut refused = None;
    for (hsm_id, error) in take_up(&lines, &known, store).await? {
        other.push(hsm_id.clone());
        away.push((hsm_id, error.message.clone()));
        refused = Some(error);
    }
    if let Some(error) = refused
        && lines.iter().all(|line| other.contains(&line.hsm_id))
    {
        return Err(error);
    }
    drop(lines);
    let cluster = log_in(&settings, endpoints, &known.passwords.current, other).await?;
    Ok(Connected::new(cluster, &settings, Vec::new(), away))
}

/// Sees to it that each HSM has the password of the others. Returns those that are not to be used,
/// and why. Nobody is logged in on these lines when it returns.
pub(crate) async fn take_up<L: Line, S: CredentialStore>(
    lines: &[L],
    known: &Credentials,
    store: &S,
) -> Result<Vec<(String, ConnectError)>, ConnectError> {
    let (mut candidates, mut unfit) = (Vec::new(), Vec::new());
    for line in lines {
        let hsm_id = line.hsm_id();
        let fit = match line.kmsuser().await.map_err(|e| judge::setback(hsm_id, &e)) {
            // The working line would log in with the wanted password: only where that is right.
            Err(Setback::Away(why)) => match known.of(hsm_id) {
                Passwords { next: None, current } if current == known.passwords.current => continue,
                _ => Err(judge::all_lost(&[(hsm_id.to_owned(), why)])),
            },
            Err(Setback::Fatal(error)) => Err(error),
            Ok(user) => judge::may_resume(hsm_id, user.as_ref(), known)
                .map(|passwords| (passwords, user.map_or(0, |user| user.login_failures))),
        };
        match fit {
            Ok((passwords, failures)) => candidates.push(Candidate { line, passwords, failures }),
            Err(error) => unfit.push((hsm_id.to_owned(), error)),
        }
    }
    let wanted = &known.passwords.current;
    let tries = plan(store, &candidates).await?;
    for Candidate { line, passwords, failures } in candidates {
        let hsm_id = line.hsm_id();
        let settled = if judge::attempts(hsm_id, &passwords, failures, &tries).is_empty() {
            Err(judge::not_logged_in(hsm_id, &passwords, failures, &tries))
        } else if passwords.next.is_none() {
            // The login of the working line is the try.
            Ok(())
        } else {
            settle(line, enter(line, &passwords, failures, &tries).await, wanted).await
        };
        if let Err(error) = settled {
            unfit.push((hsm_id.to_owned(), error));
        }
    }
    Ok(unfit)
}

/// On an HSM that had not heard of the wanted password, the rotation is completed.
async fn settle<L: Line>(
    line: &L,
    entered: Result<Secret, Setback>,
    wanted: &Secret,
) -> Result<(), ConnectError> {
    let lost = |why: String| judge::all_lost(&[(line.hsm_id().to_owned(), why)]);
    let failed = |setback: Setback| match setback {
        Setback::Away(why) => lost(why),
        Setback::Fatal(error) => error,
    };
    let password = entered.map_err(failed)?;
    let changed = if password == *wanted { Ok(()) } else { line.change(wanted).await };
    let _ = line.logout().await;
    changed.map_err(|error| failed(judge::setback(line.hsm_id(), &error)))
}

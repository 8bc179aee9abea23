//! Meeting an HSM, logging in and out.
use super::*;
use crate::password;
use crate::session::Login as LoggedInAs;
use crate::user::{User, canonical_name};
use proto::command::session::*;
use proto::{Role, VERSION};
use std::sync::Arc;

impl Execute for Hello {
    fn execute(call: Granted<'_, Self>) -> Outcome<Welcome> {
        if call.request.version != VERSION {
            let theirs = call.request.version;
            return Err(Fault::VersionMismatch
                .with(format!("{theirs}; this HSM speaks {VERSION}"))
                .into());
        }
        call.session.greeted = true;
        let settings = &call.hsm.settings;
        Ok(Done::new(Welcome {
            version: VERSION,
            hsm_id: settings.hsm_id.clone(),
            cluster_id: settings.cluster_id.clone(),
            node: settings.node,
            state: call.hsm.vault.node().state,
            zone: settings.zone.clone(),
        }))
    }
}

impl Execute for Login {
    fn claims(&self) -> Option<&str> {
        Some(&self.username)
    }

    fn execute(call: Granted<'_, Self>) -> Outcome<LoggedIn> {
        let Login { role, username, password } = &call.request;
        if call.session.login.is_some() {
            return Err(Fault::AlreadyLoggedIn.into());
        }
        let name = canonical_name(username)?;
        let subject = Subject::user(&name, *role);
        let user = call.hsm.vault.users().by_name(&name).cloned();
        let user = user.filter(|u| u.role == *role && *role != Role::Au);
        let Some(user) = user else {
            return Err(Failed::from(Fault::UserNotFound.with(format!("{} {name}", role.name())))
                .about(subject));
        };
        call.session.saw(user.position);
        if user.is_locked() {
            return Err(Failed::from(Fault::UserLocked.with(format!("user {name}"))).about(subject));
        }
        if password::fits(password) && user.password.matches(password) {
            if user.second_factor {
                let why = Fault::LoginFailure.with("the second factor (2FA) is missing");
                return Err(Failed::from(why).about(subject));
            }
            return Ok(welcome(&user, subject));
        }
        let counted = User { failures: user.failures + 1, ..(*user).clone() };
        let mut failed = Failed::from(Fault::LoginFailure).about(subject);
        let (was, user) = (user.position, Arc::new(counted));
        failed.changes.push(Change::UserChanged { user, was, alone: None });
        Err(failed)
    }
}

/// The password is right: the count of wrong ones begins again.
fn welcome(user: &User, subject: Subject) -> Done<LoggedIn> {
    let login = LoggedInAs { user: user.id, role: user.role, name: user.name.clone() };
    let was = user.position;
    let mut done = Done::new(LoggedIn { user_id: user.id })
        .about(subject)
        .changing(Change::UserLoggedIn { id: user.id, was })
        .then(|_, session| session.login = Some(login));
    if user.failures > 0 {
        let user = Arc::new(User { failures: 0, ..user.clone() });
        done = done.changing(Change::UserChanged { user, was, alone: None });
    }
    done
}

impl Execute for Logout {
    fn execute(call: Granted<'_, Self>) -> Outcome<LoggedOut> {
        let Some(login) = call.hsm.log_out(call.session) else {
            return Err(Fault::NotLoggedIn.into());
        };
        Ok(Done::new(LoggedOut {}).about(Subject::user(&login.name, login.role)))
    }
}

//! Creating, deleting, changing and listing the users of this HSM.
use super::*;
use crate::key::Key;
use crate::password::{self, PasswordHash};
use crate::record::NodeRecord;
use crate::user::{KMS_USER, User, canonical_name};
use crate::vault::Ours;
use proto::command::user::*;
use proto::{Blob, NodeState, Role};
use std::sync::Arc;

/// A second factor is refused for kmsuser because KMS could not log in, and for others for now.
/// A rehearsal may want to see kmsuser with one: that it has one is kept, and no more.
fn check_second_factor<C>(
    call: &Granted<'_, C>,
    name: &str,
    factor: Option<&Blob>,
) -> Result<(), Refusal> {
    match factor {
        None => Ok(()),
        Some(_) if name == KMS_USER && call.hsm.settings.kmsuser_2fa => Ok(()),
        Some(_) if name == KMS_USER => Err(Fault::KmsUserSecondFactor.into()),
        Some(_) => Err(Fault::NotSimulated.with("second factors (2FA)")),
    }
}

impl Execute for CreateUser {
    fn execute(call: Granted<'_, Self>) -> Outcome<UserCreated> {
        let CreateUser { role, username, password, second_factor } = &call.request;
        let name = canonical_name(username)?;
        let subject = Subject::user(&name, *role);
        let subject = if *role == Role::Co { subject.of(0x4, "CN_CREATE_CO") } else { subject };
        let fail = |r: Refusal| Failed::from(r).about(subject.clone());
        if !matches!(role, Role::Co | Role::Cu) {
            return Err(fail(Fault::InvalidUserType.with("a user is created as CO or CU")));
        }
        check_second_factor(&call, &name, second_factor.as_ref()).map_err(fail)?;
        password::check(&name, password).map_err(fail)?;
        let mut user = User {
            id: 0,
            role: *role,
            name: name.into(),
            password: PasswordHash::none(),
            failures: 0,
            second_factor: second_factor.is_some(),
            position: 0,
        };
        {
            // Asked before the password is hashed, which is slow; asked again by the commit.
            let users = call.hsm.vault.users();
            user.id = users.next_id();
            users.admit(&user, call.hsm.settings.capacity().users).map_err(fail)?;
        }
        user.password = PasswordHash::new(password, call.world);
        let id = user.id;
        Ok(Done::new(UserCreated { id }).changing(Change::UserAdded(Arc::new(user))).about(subject))
    }
}

impl Execute for DeleteUser {
    fn execute(call: Granted<'_, Self>) -> Outcome<UserDeleted> {
        let DeleteUser { role, username } = &call.request;
        let name = canonical_name(username)?;
        let subject = Subject::user(&name, *role);
        let user = find(&call, *role, &name).map_err(|r| Failed::from(r).about(subject.clone()))?;
        if *role == Role::Au {
            return Err(Failed::from(Fault::InvalidUserType).about(subject));
        }
        call.session.saw(user.position);
        let stamped = |key: &Arc<Key>| key.next_stamp(call.hsm.settings.node);
        let mut done = Done::new(UserDeleted {}).about(subject);
        // A later user of this name must not inherit the keys that were shared with this one.
        for key in call.hsm.vault.keys.shared_with(&name) {
            let mut ended = (*key).clone();
            ended.share(&name, false, stamped(&key));
            done = done.changing(Change::KeyChanged { was: key.position, key: Arc::new(ended) });
        }
        Ok(done.changing(Change::UserRemoved { id: user.id }))
    }
}

impl Execute for ChangePassword {
    fn execute(call: Granted<'_, Self>) -> Outcome<PasswordChanged> {
        let ChangePassword { role, username, password, second_factor } = &call.request;
        let name = canonical_name(username)?;
        let subject = Subject::user(&name, *role);
        let fail = |r: Refusal| Failed::from(r).about(subject.clone());
        let me = call.session.login.clone().ok_or(Fault::NotLoggedIn)?;
        if *me.name != *name && me.role != Role::Co {
            return Err(fail(
                Fault::InvalidUserType.with("only a CO changes the passwords of others"),
            ));
        }
        let user = find(&call, *role, &name).map_err(fail)?;
        if *role == Role::Au {
            return Err(fail(Fault::InvalidUserType.with("the appliance user has no password")));
        }
        check_second_factor(&call, &name, second_factor.as_ref()).map_err(fail)?;
        password::check(&name, password).map_err(fail)?;
        if call.hsm.vault.logins.others(user.id, me.user == user.id) > 0 {
            return Err(fail(Fault::UserLoggedIn.with(format!("user {name}"))));
        }
        let changed = User {
            password: PasswordHash::new(password, call.world),
            failures: 0,
            second_factor: user.second_factor || second_factor.is_some(),
            // The unactivated admin becomes the first officer: the cluster is activated.
            role: if user.role == Role::Preco { Role::Co } else { user.role },
            ..(*user).clone()
        };
        let mut done = Done::new(PasswordChanged {});
        if user.role == Role::Preco {
            let was = call.hsm.vault.node();
            let node = Arc::new(NodeRecord { state: NodeState::Active, ..(*was).clone() });
            done = done.changing(Change::NodeChanged { node, was }).then(|_, session| {
                if let Some(login) = &mut session.login {
                    login.role = Role::Co;
                }
            });
        }
        let was = user.position;
        let alone = Some(Ours(me.user == user.id));
        let change = Change::UserChanged { user: Arc::new(changed), was, alone };
        Ok(done.changing(change).about(subject))
    }
}

impl Execute for ListUsers {
    fn execute(call: Granted<'_, Self>) -> Outcome<UsersListed> {
        let me = call.session.login.as_ref().map(|l| l.user);
        let listed = |u: &Arc<User>| UserListed {
            id: u.id,
            role: u.role,
            username: u.name.to_string(),
            login_failures: u.failures,
            locked: u.is_locked(),
            logins: call.hsm.vault.logins.others(u.id, me == Some(u.id)),
            second_factor: u.second_factor,
        };
        let users = call.hsm.vault.users().iter().map(listed).collect();
        call.session.saw(call.hsm.vault.latest());
        Ok(Done::new(UsersListed { users }))
    }
}

/// A wrong role is a user that does not exist, as in CloudHSM.
fn find<C>(call: &Granted<'_, C>, role: Role, name: &str) -> Result<Arc<User>, Refusal> {
    let user = call.hsm.vault.users().by_name(name).cloned().filter(|u| u.role == role);
    user.ok_or_else(|| Fault::UserNotFound.with(format!("{} {name}", role.name())))
}

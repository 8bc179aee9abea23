//! `user list`: what the HSMs say of each user, merged into one answer.
use proto::command::user::UserListed;
use serde_json::{Value, json};

/// CloudHSM CLI's word for what differs between HSMs.
pub(super) const INCONSISTENT: &str = "inconsistent";

/// One element for each user name that any of the HSMs has, in the order of their ids.
pub(super) fn merged(hsms: &[&[UserListed]]) -> Vec<Value> {
    let mut names: Vec<&str> = Vec::new();
    for user in hsms.iter().copied().flatten() {
        if !names.contains(&user.username.as_str()) {
            names.push(&user.username);
        }
    }
    names.into_iter().map(|name| element(name, hsms)).collect()
}

fn element(name: &str, hsms: &[&[UserListed]]) -> Value {
    let seen: Vec<&UserListed> =
        hsms.iter().filter_map(|users| users.iter().find(|user| user.username == name)).collect();
    let second_factor = match same(&seen, |user| user.second_factor) {
        Some(false) => json!([]),
        Some(true) => json!([{ "strategy": "token-sign", "status": "enabled" }]),
        None => json!([{ "strategy": "token-sign", "status": INCONSISTENT }]),
    };
    // A text, not a flag, as in CloudHSM CLI.
    let locked = same(&seen, |user| user.locked).map(|locked| locked.to_string());
    let locked = locked.unwrap_or_else(|| INCONSISTENT.to_owned());
    json!({
        "username": name,
        "role": same(&seen, |user| user.role.cli_name()).unwrap_or(INCONSISTENT),
        "locked": locked,
        "mfa": second_factor,
        "quorum": [],
        "cluster-coverage": if seen.len() == hsms.len() { "full" } else { INCONSISTENT },
    })
}

/// What all say; `None` where they differ.
fn same<T: PartialEq>(seen: &[&UserListed], of: impl Fn(&UserListed) -> T) -> Option<T> {
    let mut all = seen.iter().map(|user| of(user));
    let first = all.next()?;
    all.all(|next| next == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::Role;

    fn user(id: u32, role: Role, name: &str) -> UserListed {
        UserListed {
            id,
            role,
            username: name.to_owned(),
            login_failures: 0,
            locked: false,
            logins: 0,
            second_factor: false,
        }
    }

    #[test]
    fn an_element_has_cloudhsm_clis_fields_in_its_order() {
        let users = [user(2, Role::Au, "app_user")];
        assert_eq!(
            serde_json::to_string(&merged(&[&users])).expect("JSON"),
            [
                r#"[{"username":"app_user","role":"internal(APPLIANCE_USER)","locked":"false","#,
                r#""mfa":[],"quorum":[],"cluster-coverage":"full"}]"#,
            ]
            .concat()
        );
    }

    #[test]
    fn what_differs_is_inconsistent() {
        let locked = |user: UserListed| UserListed { locked: true, ..user };
        let mfa = |user: UserListed| UserListed { second_factor: true, ..user };
        let alice = || user(3, Role::Cu, "alice");
        // first HSM, second HSM, then role, locked, number of factors, coverage
        for (one, two, expected) in [
            (vec![alice()], vec![alice()], ["crypto-user", "false", "0", "full"]),
            (vec![alice()], vec![], ["crypto-user", "false", "0", "inconsistent"]),
            (vec![], vec![alice()], ["crypto-user", "false", "0", "inconsistent"]),
            (vec![locked(alice())], vec![locked(alice())], ["crypto-user", "true", "0", "full"]),
            (vec![locked(alice())], vec![alice()], ["crypto-user", "inconsistent", "0", "full"]),
            (vec![mfa(alice())], vec![alice()], ["crypto-user", "false", "1", "full"]),
            (
                vec![alice()],
                vec![user(9, Role::Co, "alice")],
                ["inconsistent", "false", "0", "full"],
            ),
        ] {
            let merged = merged(&[&one, &two]);
            let [element] = merged.as_slice() else { panic!("one user: {merged:?}") };
            let factors = element["mfa"].as_array().map_or(0, Vec::len).to_string();
            let text = |name: &str| element[name].as_str().unwrap_or_default().to_owned();
            assert_eq!([text("role"), text("locked"), factors, text("cluster-coverage")], expected);
        }
    }
}

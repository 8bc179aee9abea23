//! A key as CloudHSM CLI describes it: what the HSMs say of it, merged into one element.
use super::user_list::INCONSISTENT;
use super::{Failure, attribute, filter};
use hsm_client::{CallError, Cluster};
use proto::command::key::{AttributesGot, GetAttributes};
use proto::{Attribute, Datum, Fault};
use serde_json::{Value, json};

/// The verbose element of a key.
pub(super) async fn describe(cluster: &Cluster, handle: u64) -> Result<Value, Failure> {
    let mut hsms = Vec::new();
    let mut worst = None;
    for (_, result) in cluster.call_each(&GetAttributes { handle }).await.results {
        match result {
            Ok(key) => hsms.push(Some(key)),
            Err(CallError::Refused(refusal)) if refusal.fault == Fault::InvalidHandle => {
                hsms.push(None)
            }
            Err(error) => worst = Some(error),
        }
    }
    match (element(handle, &hsms), worst) {
        (Some(element), _) => Ok(element),
        (None, Some(error)) => Err(error.into()),
        (None, None) => Err(Failure::NoKey),
    }
}

/// The short element: the label alone.
pub(super) async fn label(cluster: &Cluster, handle: u64) -> Result<Value, Failure> {
    let key = cluster.call(&GetAttributes { handle }).await?;
    let label: Vec<_> =
        key.attributes.into_iter().filter(|s| s.attribute == Attribute::Label).collect();
    Ok(json!({
        "key-reference": filter::reference(handle),
        "attributes": attribute::object(&label),
    }))
}

/// `hsms`: what each HSM that answered says of the key, `None` where the key is not.
fn element(handle: u64, hsms: &[Option<AttributesGot>]) -> Option<Value> {
    let holders: Vec<&AttributesGot> = hsms.iter().flatten().collect();
    let first = *holders.first()?;
    let all = |yes: bool| if yes { "full" } else { INCONSISTENT };
    let mut shared: Vec<&String> = holders.iter().flat_map(|key| &key.shared_with).collect();
    shared.sort();
    shared.dedup();
    let shared: Vec<Value> = shared
        .into_iter()
        .map(|user| {
            let everywhere = holders.iter().all(|key| key.shared_with.contains(user));
            json!({ "username": user, "key-coverage": all(everywhere) })
        })
        .collect();
    let cluster_coverage =
        if is_token(first) { all(holders.len() == hsms.len()) } else { "session" };
    Some(json!({
        "key-reference": filter::reference(handle),
        "key-info": {
            "key-owners": [{
                "username": first.owner,
                "key-coverage": all(holders.iter().all(|key| key.owner == first.owner)),
            }],
            "shared-users": shared,
            "key-quorum-values": { "manage-key-quorum-value": 0, "use-key-quorum-value": 0 },
            "cluster-coverage": cluster_coverage,
        },
        "attributes": attribute::object(&first.attributes),
    }))
}

fn is_token(key: &AttributesGot) -> bool {
    key.attributes.iter().any(|s| s.attribute == Attribute::Token && s.value == Datum::Flag(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::Setting;

    fn key(token: bool, shared_with: &[&str]) -> Option<AttributesGot> {
        Some(AttributesGot {
            handle: 0x12_000c,
            owner: "cu1".to_owned(),
            shared_with: shared_with.iter().map(|&user| user.to_owned()).collect(),
            // Not in CloudHSM CLI's order: the element is.
            attributes: vec![
                Setting::number(Attribute::ValueLen, 32),
                Setting::flag(Attribute::Token, token),
                Setting::number(Attribute::Class, 4),
                Setting::bytes(Attribute::CheckValue, [0x5a, 0x31, 0xb4]),
                Setting::bytes(Attribute::Id, []),
                Setting::text(Attribute::Label, "x"),
                Setting::number(Attribute::KeyType, 31),
            ],
        })
    }

    #[test]
    fn a_key_looks_as_in_cloudhsm_cli() {
        let element =
            element(0x12_000c, &[key(true, &["cu2"]), key(true, &["cu2"])]).expect("it is there");
        let expected = [
            r#"{"key-reference":"0x000000000012000c","key-info":{"#,
            r#""key-owners":[{"username":"cu1","key-coverage":"full"}],"#,
            r#""shared-users":[{"username":"cu2","key-coverage":"full"}],"#,
            r#""key-quorum-values":{"manage-key-quorum-value":0,"use-key-quorum-value":0},"#,
            r#""cluster-coverage":"full"},"attributes":{"key-type":"aes","label":"x","id":"","#,
            r#""check-value":"0x5a31b4","class":"secret-key","token":true,"key-length-bytes":32}}"#,
        ]
        .concat();
        assert_eq!(element.to_string(), expected);
    }

    #[test]
    fn coverage() {
        for (hsms, cluster, shared) in [
            (vec![key(true, &[]), key(true, &[])], "full", None),
            (vec![None, key(true, &[])], INCONSISTENT, None),
            (vec![None, key(false, &[]), None], "session", None),
            (vec![key(true, &["a"]), key(true, &[])], "full", Some(INCONSISTENT)),
            (vec![key(true, &["a"]), None], INCONSISTENT, Some("full")),
        ] {
            let element = element(1, &hsms).expect("it is there");
            let info = &element["key-info"];
            assert_eq!(info["cluster-coverage"], cluster);
            assert_eq!(info["shared-users"][0]["key-coverage"].as_str(), shared);
        }
        assert_eq!(element(1, &[None, None]), None);
    }
}

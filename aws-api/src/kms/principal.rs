//! Principals of AWS, as grants and key policies name them. Which of an account's are there, the
//! simulator does not know: what could be one counts as one.
use crate::error::ApiError;
use crate::model::ErrorKind;

/// `arn:aws:iam::123456789012:user/path/name` and what else IAM and STS name principals by. The
/// account's root is one; groups are none, and there are no wildcards.
pub(super) fn is_arn(text: &str) -> bool {
    let mut parts = text.splitn(6, ':');
    let [arn, partition, service, region, account, resource] =
        std::array::from_fn(|_| parts.next().unwrap_or_default());
    let in_partition = partition == "aws" || partition.starts_with("aws-");
    let (kind, name) = resource.split_once('/').unwrap_or((resource, ""));
    let segments = name.split('/').count();
    let named = !name.is_empty() && name.split('/').all(is_name);
    let fits = match (service, kind) {
        ("iam", "root") => resource == "root",
        ("iam", "user" | "role") => named,
        ("sts", "assumed-role") => named && segments == 2,
        ("sts", "federated-user") => named && segments == 1,
        _ => false,
    };
    arn == "arn" && in_partition && region.is_empty() && is_account(account) && fits
}

/// IAM user guide, names: letters, digits, and `+=,.@-_`.
fn is_name(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@-_".contains(&b);
    !text.is_empty() && text.bytes().all(fits)
}

pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Refuses what is no principal's ARN, in AWS's words (recorded).
pub(super) fn checked(principal: Option<&String>) -> Result<(), ApiError> {
    match principal {
        Some(text) if !is_arn(text) => Err(ErrorKind::InvalidArnException
            .with(format!("ARN does not refer to a valid principal: {text}"))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_roles_sessions_and_roots_are_principals() {
        for arn in [
            "arn:aws:iam::123456789012:root",
            "arn:aws:iam::123456789012:user/bob",
            "arn:aws:iam::123456789012:user/division/team/bob@x",
            "arn:aws:iam::123456789012:role/service-role/tf-acc-test_1",
            "arn:aws-us-gov:iam::123456789012:role/r",
            "arn:aws:sts::123456789012:assumed-role/r/session",
            "arn:aws:sts::123456789012:federated-user/bob",
        ] {
            assert!(is_arn(arn), "{arn}");
        }
        for other in [
            "",
            "*",
            "bob",
            "123456789012",
            "dynamodb.us-west-2.amazonaws.com",
            "arn:aws:iam::123456789012:group/g",
            "arn:aws:iam::123456789012:user/",
            "arn:aws:iam::123456789012:user/*",
            "arn:aws:iam::123456789012:root/x",
            "arn:aws:iam::1234:user/bob",
            "arn:aws:iam:us-east-1:123456789012:user/bob",
            "arn:aws:sts::123456789012:assumed-role/r",
            "arn:aws:s3:::bucket",
            "xarn:aws:iam::123456789012:root",
        ] {
            assert!(!is_arn(other), "{other}");
        }
    }
}

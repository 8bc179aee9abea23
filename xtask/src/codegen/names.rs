//! How a model's names are written in Rust and in JSON.

/// `CloudHsmClusterId` is `cloud_hsm_cluster_id`, `AWSAccountId` is `aws_account_id`.
pub(super) fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (n, letter) in letters.iter().enumerate() {
        let before = n.checked_sub(1).map(|n| letters[n]);
        let ends_acronym = letters.get(n + 1).is_some_and(char::is_ascii_lowercase);
        let begins = before.is_some_and(|b| !b.is_ascii_uppercase() || ends_acronym);
        if letter.is_ascii_uppercase() && begins {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// A member's field; `type` is the one keyword among the models' names.
pub(super) fn field(name: &str) -> String {
    let snake = snake(name);
    if snake == "type" { format!("r#{snake}") } else { snake }
}

pub(super) fn screaming(name: &str) -> String {
    snake(name).to_uppercase()
}

/// What serde makes of a snake_case field with `rename_all = "PascalCase"`.
pub(super) fn pascal(snake: &str) -> String {
    let words = snake.split('_').map(|word| match word.split_at_checked(1) {
        Some((first, rest)) => first.to_uppercase() + rest,
        None => String::new(),
    });
    words.collect()
}

/// As AWS writes a member in its sentences and in CloudTrail.
pub(super) fn camel(name: &str) -> String {
    let pascal = pascal(&snake(name));
    match pascal.split_at_checked(1) {
        Some((first, rest)) => first.to_lowercase() + rest,
        None => pascal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, field, camelled) in [
            ("KeyId", "key_id", "keyId"),
            ("CloudHsmClusterId", "cloud_hsm_cluster_id", "cloudHsmClusterId"),
            ("AWSAccountId", "aws_account_id", "awsAccountId"),
            ("Arn", "arn", "arn"),
            ("XksProxyUriPath", "xks_proxy_uri_path", "xksProxyUriPath"),
            ("HsmENI", "hsm_eni", "hsmEni"),
        ] {
            assert_eq!((snake(name), camel(name)), (field.to_owned(), camelled.to_owned()));
        }
    }
}

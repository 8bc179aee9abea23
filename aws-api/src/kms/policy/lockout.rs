//! Whether a key policy leaves its maker the right to change it again.
use super::document::{Document, Effect, OneOrMany, Principal, Scalar, Statement};
use std::collections::BTreeMap;

const ACTION: &str = "kms:PutKeyPolicy";

/// Who asks, for which key.
pub(super) struct Asker<'a> {
    pub(super) account: &'a str,
    pub(super) principal: &'a str,
    pub(super) key_arn: &'a str,
}

impl Asker<'_> {
    /// By a statement for the caller, or for the account, whose own policies allow everything here.
    pub(super) fn may_put_policy(&self, document: &Document) -> bool {
        let applies = |effect: Effect| {
            let of_effect = document.statements().iter().filter(|s| s.effect == effect);
            of_effect.filter(|statement| self.is_meant(statement)).any(|statement| {
                match self.holds(&statement.condition) {
                    Some(holds) => holds,
                    // A condition that cannot be judged here is taken for the caller's.
                    None => effect == Effect::Allow,
                }
            })
        };
        applies(Effect::Allow) && !applies(Effect::Deny)
    }

    fn is_meant(&self, statement: &Statement) -> bool {
        let matches = |patterns: &OneOrMany<String>, text: &str| {
            patterns.all().iter().any(|pattern| is_like(pattern, text))
        };
        let action = match (&statement.action, &statement.not_action) {
            (Some(actions), _) => matches(actions, ACTION),
            (None, Some(others)) => !matches(others, ACTION),
            (None, None) => false,
        };
        let resource = match (&statement.resource, &statement.not_resource) {
            (Some(resources), _) => matches(resources, self.key_arn),
            (None, Some(others)) => !matches(others, self.key_arn),
            (None, None) => false,
        };
        let principal = match (&statement.principal, &statement.not_principal) {
            (Some(principal), _) => self.is_among(principal),
            (None, Some(others)) => !self.is_among(others),
            (None, None) => false,
        };
        action && resource && principal
    }

    fn is_among(&self, principal: &Principal) -> bool {
        let root = format!("arn:aws:iam::{}:root", self.account);
        let ours = |name: &String| {
            name == "*" || name == self.account || *name == root || name == self.principal
        };
        match principal {
            Principal::Text(text) => text == "*",
            Principal::Of(kinds) => {
                kinds.get("AWS").is_some_and(|names| names.all().iter().any(ours))
            }
        }
    }

    /// Whether all conditions hold for a direct request; `None` if that cannot be known here.
    fn holds(
        &self,
        condition: &BTreeMap<String, BTreeMap<String, OneOrMany<Scalar>>>,
    ) -> Option<bool> {
        let each = condition.iter().flat_map(|(operator, keys)| {
            keys.iter().map(move |(key, values)| self.one_holds(operator, key, values))
        });
        each.reduce(|one, other| match (one, other) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        })
        .unwrap_or(Some(true))
    }

    fn one_holds(&self, operator: &str, key: &str, values: &OneOrMany<Scalar>) -> Option<bool> {
        // `None` where a direct request does not have the key.
        let value: Option<&str> = match key.to_ascii_lowercase().as_str() {
            "kms:calleraccount" | "aws:principalaccount" => Some(self.account),
            "aws:principalarn" => Some(self.principal),
            "aws:principalisawsservice" | "kms:bypasspolicylockoutsafetycheck" => Some("false"),
            "kms:viaservice" | "aws:sourcearn" | "aws:sourceaccount" => None,
            _ => return None,
        };
        let operator = operator.to_ascii_lowercase();
        let operator = operator.rsplit(':').next().unwrap_or_default();
        let (operator, if_exists) = match operator.strip_suffix("ifexists") {
            Some(operator) => (operator, true),
            None => (operator, false),
        };
        let any = |fits: fn(&str, &str) -> bool, value: &str| {
            values.all().iter().any(|wanted| fits(&wanted.text(), value))
        };
        let equal: fn(&str, &str) -> bool = |wanted, value| wanted == value;
        let fits = match operator {
            "null" => return Some(any(equal, if value.is_none() { "true" } else { "false" })),
            "stringequals" | "stringnotequals" => equal,
            "stringequalsignorecase" | "stringnotequalsignorecase" | "bool" => {
                |wanted: &str, value: &str| wanted.eq_ignore_ascii_case(value)
            }
            "stringlike" | "stringnotlike" | "arnlike" | "arnnotlike" | "arnequals"
            | "arnnotequals" => is_like,
            _ => return None,
        };
        let not = operator.contains("not");
        Some(match value {
            Some(value) => any(fits, value) != not,
            None => not || if_exists,
        })
    }
}

/// `*` stands for any characters, `?` for one; letters of either case are the same.
fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut from) = (0, 0);
    // Behind the last star, and what of the text it stands for.
    let mut star: Option<(usize, usize)> = None;
    while let Some(letter) = text.get(from) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at + 1, from));
                at += 1;
            }
            Some(sign) if *sign == b'?' || sign.eq_ignore_ascii_case(letter) => {
                (at, from) = (at + 1, from + 1);
            }
            _ => match star {
                Some((behind, upto)) => {
                    (at, from) = (behind, upto + 1);
                    star = Some((behind, upto + 1));
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|sign| *sign == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, fits) in [
            ("*", true),
            ("kms:*", true),
            ("KMS:Put*", true),
            ("kms:*Policy", true),
            ("kms:Put?eyPolicy", true),
            ("kms:PutKeyPolicy", true),
            ("kms:PutKeyPolicy*", true),
            ("kms:Put", false),
            ("kms:Get*", false),
            ("kms:*Policies", false),
            ("", false),
        ] {
            assert_eq!(is_like(pattern, ACTION), fits, "{pattern}");
        }
        // A pattern that would take a backtracking matcher for ever.
        assert!(!is_like(&"*a".repeat(5_000), &"a".repeat(4_000)));
    }
}

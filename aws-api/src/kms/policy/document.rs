//! A key policy as JSON has it, and what KMS demands of one.
use crate::error::ApiError;
use crate::kms::principal;
use crate::model::ErrorKind;
use serde::Deserialize;
use std::collections::BTreeMap;

/// KMS's words (recorded).
const INVALID_PRINCIPALS: &str = "Policy contains a statement with one or more invalid principals.";
/// KMS developer guide, "Troubleshooting key policies", word for word.
const OVERLY_PERMISSIVE: &str = "OverlyPermissiveCondition: Using the ForAllValues set operator \
     with a single-valued condition key matches requests without the specified [encryption context \
     or tag] or with an unspecified [encryption context or tag]. To fix, remove ForAllValues.";
const FOR_ALL: &str = "forallvalues:";
/// Condition keys that have one value each; in lower case, as conditions name them in any case.
const SINGLE_VALUED: &[&str] = &["kms:encryptioncontext:", "aws:resourcetag/", "aws:requesttag/"];

/// A key policy; what is not looked at is kept in its text only.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Document {
    #[serde(rename = "Version")]
    _version: Option<Version>,
    statement: OneOrMany<Statement>,
}

#[derive(Debug, Deserialize)]
enum Version {
    #[serde(rename = "2008-10-17")]
    Old,
    #[serde(rename = "2012-10-17")]
    New,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Effect {
    Allow,
    Deny,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Statement {
    pub(super) effect: Effect,
    pub(super) principal: Option<Principal>,
    pub(super) not_principal: Option<Principal>,
    pub(super) action: Option<OneOrMany<String>>,
    pub(super) not_action: Option<OneOrMany<String>>,
    pub(super) resource: Option<OneOrMany<String>>,
    pub(super) not_resource: Option<OneOrMany<String>>,
    /// By operator, then by key: the values.
    #[serde(default)]
    pub(super) condition: BTreeMap<String, BTreeMap<String, OneOrMany<Scalar>>>,
}

/// `"*"`, or names by their kind.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Principal {
    Text(String),
    Of(BTreeMap<String, OneOrMany<String>>),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany<T> {
    Many(Vec<T>),
    One(T),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Scalar {
    Text(String),
    Bool(bool),
    Number(serde_json::Number),
}

impl<T> OneOrMany<T> {
    pub(super) fn all(&self) -> &[T] {
        match self {
            Self::Many(all) => all,
            Self::One(one) => std::slice::from_ref(one),
        }
    }
}

impl Scalar {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Bool(value) => value.to_string(),
            Self::Number(number) => number.to_string(),
        }
    }
}

pub(super) fn malformed(why: impl Into<String>) -> ApiError {
    ErrorKind::MalformedPolicyDocumentException.with(why)
}

impl Document {
    /// Reads a policy: it is JSON, its statements say Allow or Deny, and each has principals.
    pub(super) fn read(policy: &str) -> Result<Self, ApiError> {
        let document: Self = serde_json::from_str(policy)
            .map_err(|e| malformed(format!("The policy cannot be read: {e}")))?;
        for statement in document.statements() {
            statement.admit()?;
        }
        Ok(document)
    }

    pub(super) fn statements(&self) -> &[Statement] {
        self.statement.all()
    }
}

impl Statement {
    fn admit(&self) -> Result<(), ApiError> {
        let valid = match (&self.principal, &self.not_principal) {
            (Some(principal), None) | (None, Some(principal)) => principal.is_valid(),
            _ => false,
        };
        if !valid {
            return Err(malformed(INVALID_PRINCIPALS));
        }
        for (operator, keys) in &self.condition {
            let for_all = operator.to_ascii_lowercase().starts_with(FOR_ALL);
            let single = |key: &String| {
                let key = key.to_ascii_lowercase();
                SINGLE_VALUED.iter().any(|front| key.starts_with(front))
            };
            if for_all && keys.keys().any(single) {
                return Err(malformed(OVERLY_PERMISSIVE));
            }
        }
        Ok(())
    }
}

impl Principal {
    fn is_valid(&self) -> bool {
        match self {
            Self::Text(text) => text == "*",
            Self::Of(kinds) => {
                let fit = |(kind, names): (&String, &OneOrMany<String>)| {
                    let names = names.all();
                    !names.is_empty() && names.iter().all(|name| is_of_kind(kind, name))
                };
                !kinds.is_empty() && kinds.iter().all(fit)
            }
        }
    }
}

/// Names that cannot be principals are refused; whether others are there is not known.
fn is_of_kind(kind: &str, name: &str) -> bool {
    match kind {
        "AWS" => name == "*" || principal::is_account(name) || principal::is_arn(name),
        "Service" => is_service(name),
        "Federated" => !name.is_empty() && !name.contains(['*', '?']),
        _ => false,
    }
}

/// `logs.us-east-1.amazonaws.com`
fn is_service(name: &str) -> bool {
    let labels = name.strip_suffix(".cn").unwrap_or(name);
    let labels = labels.strip_suffix(".amazonaws.com").or(labels.strip_suffix(".amazon.com"));
    let is_label = |label: &str| {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        !label.is_empty() && label.bytes().all(fits)
    };
    labels.is_some_and(|labels| labels.split('.').all(is_label))
}

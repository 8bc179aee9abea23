//! What a new grant may be.
use crate::error::ApiError;
use crate::kms::key_spec::ENCRYPT;
use crate::kms::keys::{Found, KeyState};
use crate::kms::principal;
use crate::model::ErrorKind;
use crate::model::kms::{CreateGrantRequest, GrantConstraints};

/// KMS API, GrantConstraints: pairs of an encryption context.
const PAIRS_MAX: usize = 8;
/// Operations that every kind of key has (KMS developer guide, grants).
const OF_ALL: &[&str] = &["CreateGrant", "DescribeKey", "RetireGrant"];
/// The others, by KeyUsage.
const OPERATIONS: &[(&str, &[&str])] = &[(
    ENCRYPT,
    &[
        "Decrypt",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
        "GenerateDataKeyWithoutPlaintext",
        "ReEncryptFrom",
        "ReEncryptTo",
    ],
)];

fn invalid(why: impl Into<String>) -> ApiError {
    ErrorKind::ValidationException.with(why)
}

impl CreateGrantRequest {
    /// What the request says of itself comes first, then the key's state, then what the key can do.
    pub(super) fn admit(&self, found: &Found) -> Result<(), ApiError> {
        self.admit_principals()?;
        self.admit_constraints(self.constraints.as_ref())?;
        let operations = self.operations.as_deref().unwrap_or_default();
        if operations.is_empty() {
            return Err(invalid("Operations must name one at least"));
        }
        if operations.iter().all(|operation| operation == "CreateGrant") {
            return Err(invalid("Grants must not contain only the CreateGrant operation."));
        }
        match found.state {
            KeyState::Disabled | KeyState::PendingDeletion => found.usable()?,
            KeyState::Enabled | KeyState::Unavailable => {}
        }
        match operations.iter().find(|operation| !can(ENCRYPT, operation)) {
            Some(unfit) => Err(invalid(format!(
                "The operation {unfit} cannot be in a grant for {}, whose KeyUsage is {ENCRYPT}.",
                found.arn
            ))),
            None => Ok(()),
        }
    }

    fn admit_principals(&self) -> Result<(), ApiError> {
        match (&self.grantee_principal, &self.grantee_service_principal) {
            (Some(_), None) | (None, Some(_)) => {}
            _ => {
                return Err(invalid(
                    "Specify either GranteePrincipal or GranteeServicePrincipal, and one of them.",
                ));
            }
        }
        if self.retiring_principal.is_some() && self.retiring_service_principal.is_some() {
            return Err(invalid(
                "Specify RetiringPrincipal or RetiringServicePrincipal, not both of them.",
            ));
        }
        principal::checked(self.grantee_principal.as_ref())?;
        principal::checked(self.retiring_principal.as_ref())?;
        let retiring =
            self.retiring_principal.is_some() || self.retiring_service_principal.is_some();
        let source = self.constraints.as_ref().is_some_and(|it| it.source_arn.is_some());
        if self.grantee_service_principal.is_some() && !(retiring && source) {
            return Err(invalid(
                "A grant for a GranteeServicePrincipal needs the constraint SourceArn, and a \
                 RetiringPrincipal or RetiringServicePrincipal.",
            ));
        }
        Ok(())
    }

    fn admit_constraints(&self, constraints: Option<&GrantConstraints>) -> Result<(), ApiError> {
        let Some(constraints) = constraints else { return Ok(()) };
        let equals = constraints.encryption_context_equals.as_ref();
        let subset = constraints.encryption_context_subset.as_ref();
        if equals.is_some() && subset.is_some() {
            return Err(invalid(
                "Specify EncryptionContextEquals or EncryptionContextSubset, not both of them.",
            ));
        }
        match equals.or(subset) {
            Some(context) if context.len() > PAIRS_MAX => Err(invalid(format!(
                "An encryption context in a grant's constraints has {PAIRS_MAX} pairs at most; \
                 this one has {}.",
                context.len()
            ))),
            _ => Ok(()),
        }
    }
}

fn can(usage: &str, operation: &str) -> bool {
    let of_usage = OPERATIONS.iter().find(|(name, _)| *name == usage);
    OF_ALL.contains(&operation) || of_usage.is_some_and(|(_, all)| all.contains(&operation))
}

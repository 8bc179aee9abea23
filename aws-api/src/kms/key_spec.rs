//! Which key specs AWS KMS has, and what each may be used for. Only the first is built.
use crate::error::ApiError;
use crate::model::ErrorKind;

pub(super) const SYMMETRIC: &str = "SYMMETRIC_DEFAULT";
pub(super) const ENCRYPT: &str = "ENCRYPT_DECRYPT";
const SIGN: &str = "SIGN_VERIFY";
const MAC: &str = "GENERATE_VERIFY_MAC";
const AGREE: &str = "KEY_AGREEMENT";
const ENCAPSULATE: &str = "ENCAPSULATE_DECAPSULATE";

/// KMS API, CreateKey: each KeySpec, and the values of KeyUsage that go with it.
const USAGES: &[(&str, &[&str])] = &[
    (SYMMETRIC, &[ENCRYPT]),
    ("RSA_2048", &[ENCRYPT, SIGN]),
    ("RSA_3072", &[ENCRYPT, SIGN]),
    ("RSA_4096", &[ENCRYPT, SIGN]),
    ("ECC_NIST_P256", &[SIGN, AGREE]),
    ("ECC_NIST_P384", &[SIGN, AGREE]),
    ("ECC_NIST_P521", &[SIGN, AGREE]),
    ("ECC_SECG_P256K1", &[SIGN]),
    ("ECC_NIST_EDWARDS25519", &[SIGN]),
    ("HMAC_224", &[MAC]),
    ("HMAC_256", &[MAC]),
    ("HMAC_384", &[MAC]),
    ("HMAC_512", &[MAC]),
    ("ML_DSA_44", &[SIGN]),
    ("ML_DSA_65", &[SIGN]),
    ("ML_DSA_87", &[SIGN]),
    ("ML_KEM_512", &[ENCAPSULATE]),
    ("ML_KEM_768", &[ENCAPSULATE]),
    ("ML_KEM_1024", &[ENCAPSULATE]),
    ("SM2", &[ENCRYPT, SIGN, AGREE]),
];

/// Whether a new key can have this usage, in AWS's words where not (recorded).
pub(super) fn fit(spec: &str, usage: Option<&str>) -> Result<(), ApiError> {
    let invalid = |why: String| Err(ErrorKind::ValidationException.with(why));
    let usages = USAGES.iter().find(|(name, _)| *name == spec).map_or(&[][..], |(_, all)| all);
    match usage {
        None if spec == SYMMETRIC => Ok(()),
        None => invalid(
            "You must specify a KeyUsage value for all KMS keys except for symmetric encryption \
             keys."
                .to_owned(),
        ),
        Some(usage) if usages.contains(&usage) => Ok(()),
        Some(usage) => invalid(format!("KeyUsage {usage} is not compatible with KeySpec {spec}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_spec_and_every_usage_of_the_model_is_there() {
        let model: serde_json::Value =
            serde_json::from_str(include_str!("../../model/kms.json")).unwrap();
        let named = |shape: &str| -> BTreeSet<String> {
            let values = model["shapes"][shape]["enum"].as_array().unwrap();
            values.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
        };
        let specs: BTreeSet<_> = USAGES.iter().map(|(spec, _)| spec.to_string()).collect();
        let usages = USAGES.iter().flat_map(|(_, usages)| *usages).map(|it| it.to_string());
        assert_eq!((named("KeySpec"), named("KeyUsageType")), (specs, usages.collect()));
    }

    #[test]
    fn what_does_not_fit_is_told_in_the_recorded_words() {
        let said = |spec, usage| fit(spec, usage).err().and_then(|refusal| refusal.message);
        assert_eq!((said(SYMMETRIC, None), said("RSA_2048", Some(SIGN))), (None, None));
        let none = said("HMAC_256", None).unwrap();
        assert!(none.starts_with("You must specify a KeyUsage value for all KMS keys except"));
        let clash = "KeyUsage KEY_AGREEMENT is not compatible with KeySpec RSA_2048";
        assert_eq!(said("RSA_2048", Some(AGREE)).unwrap(), clash);
        let clash = "KeyUsage SIGN_VERIFY is not compatible with KeySpec SYMMETRIC_DEFAULT";
        assert_eq!(said(SYMMETRIC, Some(SIGN)).unwrap(), clash);
    }
}

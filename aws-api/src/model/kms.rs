//! The shapes and operations of AWS KMS.
//!
//! Made by `cargo xtask codegen` of `aws-api/model/kms.json`; not edited by hand.
#![allow(dead_code, unused_imports, reason = "the whole model, used or not")]
use super::constraint::{ANY, Rule, Validate, Violations};
use super::wire::{Blob, Sensitive, Timestamp, object, objects};
use super::{ErrorKind, Nothing, Operation};
use crate::call::Call;
use crate::error::ApiError;
use crate::kms::{Kms, run};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Of which botocore the model is.
const MODEL: &str = "1.44.8 of 2026-11-20";

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AliasListEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alias_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alias_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) creation_date: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_updated_date: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct CancelKeyDeletionRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
}

impl Validate for CancelKeyDeletionRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CancelKeyDeletionResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct ConnectCustomKeyStoreRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_key_store_id: Option<String>,
}

impl Validate for ConnectCustomKeyStoreRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("customKeyStoreId", &self.custom_key_store_id, &CUSTOM_KEY_STORE_ID_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ConnectCustomKeyStoreResponse {}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct CreateAliasRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alias_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target_key_id: Option<String>,
}

impl Validate for CreateAliasRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("aliasName", &self.alias_name, &ALIAS_NAME_TYPE);
        found.required("targetKeyId", &self.target_key_id, &KEY_ID_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct CreateCustomKeyStoreRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_key_store_name: Option<String>,
    #[serde(
        rename(serialize = "clusterId", deserialize = "CloudHsmClusterId"),
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) cloud_hsm_cluster_id: Option<String>,
    #[serde(skip_serializing)]
    pub(crate) trust_anchor_certificate: Option<String>,
    #[serde(skip_serializing)]
    pub(crate) key_store_password: Option<Sensitive>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_key_store_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) xks_proxy_uri_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) xks_proxy_uri_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) xks_proxy_vpc_endpoint_service_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) xks_proxy_vpc_endpoint_service_owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "object")]
    pub(crate) xks_proxy_authentication_credential: Option<XksProxyAuthenticationCredentialType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) xks_proxy_connectivity: Option<String>,
}

impl Validate for CreateCustomKeyStoreRequest {
    fn validate(&self, found: &mut Violations) {
        found.required(
            "customKeyStoreName",
            &self.custom_key_store_name,
            &CUSTOM_KEY_STORE_NAME_TYPE,
        );
        found.optional("cloudHsmClusterId", &self.cloud_hsm_cluster_id, &CLOUD_HSM_CLUSTER_ID_TYPE);
        found.optional(
            "trustAnchorCertificate",
            &self.trust_anchor_certificate,
            &TRUST_ANCHOR_CERTIFICATE_TYPE,
        );
        found.optional("keyStorePassword", &self.key_store_password, &KEY_STORE_PASSWORD_TYPE);
        found.optional("customKeyStoreType", &self.custom_key_store_type, &CUSTOM_KEY_STORE_TYPE);
        found.optional(
            "xksProxyUriEndpoint",
            &self.xks_proxy_uri_endpoint,
            &XKS_PROXY_URI_ENDPOINT_TYPE,
        );
        found.optional("xksProxyUriPath", &self.xks_proxy_uri_path, &XKS_PROXY_URI_PATH_TYPE);
        found.optional(
            "xksProxyVpcEndpointServiceName",
            &self.xks_proxy_vpc_endpoint_service_name,
            &XKS_PROXY_VPC_ENDPOINT_SERVICE_NAME_TYPE,
        );
        found.optional(
            "xksProxyVpcEndpointServiceOwner",
            &self.xks_proxy_vpc_endpoint_service_owner,
            &ACCOUNT_ID_TYPE,
        );
        found.optional(
            "xksProxyAuthenticationCredential",
            &self.xks_proxy_authentication_credential,
            &ANY,
        );
        found.optional(
            "xksProxyConnectivity",
            &self.xks_proxy_connectivity,
            &XKS_PROXY_CONNECTIVITY_TYPE,
        );
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateCustomKeyStoreResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_key_store_id: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"), deny_unknown_fields)]
pub(crate) struct CreateGrantRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grantee_principal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retiring_principal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) operations: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "object")]
    pub(crate) constraints: Option<GrantConstraints>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_tokens: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dry_run: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grantee_service_principal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retiring_service_principal: Option<String>,
}

impl Validate for CreateGrantRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.optional("granteePrincipal", &self.grantee_principal, &PRINCIPAL_ID_TYPE);
        found.optional("retiringPrincipal", &self.retiring_principal, &PRINCIPAL_ID_TYPE);
        found.required("operations", &self.operations, &GRANT_OPERATION_LIST);
        found.optional("constraints", &self.constraints, &ANY);
        found.optional("grantTokens", &self.grant_tokens, &GRANT_TOKEN_LIST);
        found.optional("name", &self.name, &GRANT_NAME_TYPE);
        found.optional(
            "granteeServicePrincipal",
            &self.grantee_service_principal,
            &SERVICE_PRINCIPAL_TYPE,
        );
        found.optional(
            "retiringServicePrincipal",
            &self.retiring_service_principal,
            &SERVICE_PRINCIPAL_TYPE,
        );
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateGrantResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_id: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct CreateKeyRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_usage: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) customer_master_key_spec: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_spec: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_key_store_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bypass_policy_lockout_safety_check: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "objects")]
    pub(crate) tags: Option<Vec<Tag>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) multi_region: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) xks_key_id: Option<String>,
}

impl Validate for CreateKeyRequest {
    fn validate(&self, found: &mut Violations) {
        found.optional("policy", &self.policy, &POLICY_TYPE);
        found.optional("description", &self.description, &DESCRIPTION_TYPE);
        found.optional("keyUsage", &self.key_usage, &KEY_USAGE_TYPE);
        found.optional(
            "customerMasterKeySpec",
            &self.customer_master_key_spec,
            &CUSTOMER_MASTER_KEY_SPEC,
        );
        found.optional("keySpec", &self.key_spec, &KEY_SPEC);
        found.optional("origin", &self.origin, &ORIGIN_TYPE);
        found.optional("customKeyStoreId", &self.custom_key_store_id, &CUSTOM_KEY_STORE_ID_TYPE);
        found.optional("tags", &self.tags, &ANY);
        found.optional("xksKeyId", &self.xks_key_id, &XKS_KEY_ID_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateKeyResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_metadata: Option<KeyMetadata>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CustomKeyStoresListEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_key_store_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_key_store_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cloud_hsm_cluster_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trust_anchor_certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) connection_state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) connection_error_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) creation_date: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_key_store_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) xks_proxy_configuration: Option<XksProxyConfigurationType>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct DecapsulateRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing)]
    pub(crate) shared_secret_ciphertext_blob: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encapsulation_algorithm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_tokens: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dry_run: Option<bool>,
}

impl Validate for DecapsulateRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.required(
            "sharedSecretCiphertextBlob",
            &self.shared_secret_ciphertext_blob,
            &CIPHERTEXT_TYPE,
        );
        found.required(
            "encapsulationAlgorithm",
            &self.encapsulation_algorithm,
            &ENCAPSULATION_ALGORITHM_SPEC,
        );
        found.optional("grantTokens", &self.grant_tokens, &GRANT_TOKEN_LIST);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DecapsulateResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shared_secret: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encapsulation_algorithm: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct DecryptRequest {
    #[serde(skip_serializing)]
    pub(crate) ciphertext_blob: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encryption_context: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_tokens: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encryption_algorithm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "object")]
    pub(crate) recipient: Option<RecipientInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dry_run: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dry_run_modifiers: Option<Vec<String>>,
}

impl Validate for DecryptRequest {
    fn validate(&self, found: &mut Violations) {
        found.optional("ciphertextBlob", &self.ciphertext_blob, &CIPHERTEXT_TYPE);
        found.optional("grantTokens", &self.grant_tokens, &GRANT_TOKEN_LIST);
        found.optional("keyId", &self.key_id, &KEY_ID_TYPE);
        found.optional(
            "encryptionAlgorithm",
            &self.encryption_algorithm,
            &ENCRYPTION_ALGORITHM_SPEC,
        );
        found.optional("recipient", &self.recipient, &ANY);
        found.optional("dryRunModifiers", &self.dry_run_modifiers, &DRY_RUN_MODIFIER_LIST);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DecryptResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) plaintext: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encryption_algorithm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ciphertext_for_recipient: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_material_id: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct DeleteAliasRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alias_name: Option<String>,
}

impl Validate for DeleteAliasRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("aliasName", &self.alias_name, &ALIAS_NAME_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct DeleteCustomKeyStoreRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_key_store_id: Option<String>,
}

impl Validate for DeleteCustomKeyStoreRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("customKeyStoreId", &self.custom_key_store_id, &CUSTOM_KEY_STORE_ID_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct DeleteCustomKeyStoreResponse {}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct DeleteImportedKeyMaterialRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_material_id: Option<String>,
}

impl Validate for DeleteImportedKeyMaterialRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.optional("keyMaterialId", &self.key_material_id, &BACKING_KEY_ID_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeleteImportedKeyMaterialResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_material_id: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct DeriveSharedSecretRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_agreement_algorithm: Option<String>,
    #[serde(skip_serializing)]
    pub(crate) public_key: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_tokens: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dry_run: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "object")]
    pub(crate) recipient: Option<RecipientInfo>,
}

impl Validate for DeriveSharedSecretRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.required(
            "keyAgreementAlgorithm",
            &self.key_agreement_algorithm,
            &KEY_AGREEMENT_ALGORITHM_SPEC,
        );
        found.required("publicKey", &self.public_key, &PUBLIC_KEY_TYPE);
        found.optional("grantTokens", &self.grant_tokens, &GRANT_TOKEN_LIST);
        found.optional("recipient", &self.recipient, &ANY);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeriveSharedSecretResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shared_secret: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ciphertext_for_recipient: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_agreement_algorithm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_origin: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"), deny_unknown_fields)]
pub(crate) struct DescribeCustomKeyStoresRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_key_store_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_key_store_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) marker: Option<String>,
}

impl Validate for DescribeCustomKeyStoresRequest {
    fn validate(&self, found: &mut Violations) {
        found.optional("customKeyStoreId", &self.custom_key_store_id, &CUSTOM_KEY_STORE_ID_TYPE);
        found.optional(
            "customKeyStoreName",
            &self.custom_key_store_name,
            &CUSTOM_KEY_STORE_NAME_TYPE,
        );
        found.optional("limit", &self.limit, &LIMIT_TYPE);
        found.optional("marker", &self.marker, &MARKER_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DescribeCustomKeyStoresResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_key_stores: Option<Vec<CustomKeyStoresListEntry>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_marker: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) truncated: Option<bool>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct DescribeKeyRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_tokens: Option<Vec<String>>,
}

impl Validate for DescribeKeyRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.optional("grantTokens", &self.grant_tokens, &GRANT_TOKEN_LIST);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DescribeKeyResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_metadata: Option<KeyMetadata>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct DisableKeyRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
}

impl Validate for DisableKeyRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct DisableKeyRotationRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
}

impl Validate for DisableKeyRotationRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct DisconnectCustomKeyStoreRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_key_store_id: Option<String>,
}

impl Validate for DisconnectCustomKeyStoreRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("customKeyStoreId", &self.custom_key_store_id, &CUSTOM_KEY_STORE_ID_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct DisconnectCustomKeyStoreResponse {}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct EnableKeyRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
}

impl Validate for EnableKeyRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct EnableKeyRotationRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rotation_period_in_days: Option<i32>,
}

impl Validate for EnableKeyRotationRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.optional(
            "rotationPeriodInDays",
            &self.rotation_period_in_days,
            &ROTATION_PERIOD_IN_DAYS_TYPE,
        );
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct EncapsulateRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encapsulation_algorithm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_tokens: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dry_run: Option<bool>,
}

impl Validate for EncapsulateRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.required(
            "encapsulationAlgorithm",
            &self.encapsulation_algorithm,
            &ENCAPSULATION_ALGORITHM_SPEC,
        );
        found.optional("grantTokens", &self.grant_tokens, &GRANT_TOKEN_LIST);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct EncapsulateResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shared_secret: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shared_secret_ciphertext_blob: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encapsulation_algorithm: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct EncryptRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing)]
    pub(crate) plaintext: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encryption_context: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_tokens: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encryption_algorithm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dry_run: Option<bool>,
}

impl Validate for EncryptRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.required("plaintext", &self.plaintext, &PLAINTEXT_TYPE);
        found.optional("grantTokens", &self.grant_tokens, &GRANT_TOKEN_LIST);
        found.optional(
            "encryptionAlgorithm",
            &self.encryption_algorithm,
            &ENCRYPTION_ALGORITHM_SPEC,
        );
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct EncryptResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ciphertext_blob: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encryption_algorithm: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct GenerateDataKeyPairRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encryption_context: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_pair_spec: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_tokens: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "object")]
    pub(crate) recipient: Option<RecipientInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dry_run: Option<bool>,
}

impl Validate for GenerateDataKeyPairRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.required("keyPairSpec", &self.key_pair_spec, &DATA_KEY_PAIR_SPEC);
        found.optional("grantTokens", &self.grant_tokens, &GRANT_TOKEN_LIST);
        found.optional("recipient", &self.recipient, &ANY);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GenerateDataKeyPairResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) private_key_ciphertext_blob: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) private_key_plaintext: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public_key: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_pair_spec: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ciphertext_for_recipient: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_material_id: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct GenerateDataKeyPairWithoutPlaintextRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encryption_context: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_pair_spec: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_tokens: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dry_run: Option<bool>,
}

impl Validate for GenerateDataKeyPairWithoutPlaintextRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.required("keyPairSpec", &self.key_pair_spec, &DATA_KEY_PAIR_SPEC);
        found.optional("grantTokens", &self.grant_tokens, &GRANT_TOKEN_LIST);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GenerateDataKeyPairWithoutPlaintextResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) private_key_ciphertext_blob: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public_key: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_pair_spec: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_material_id: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct GenerateDataKeyRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encryption_context: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) number_of_bytes: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_spec: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_tokens: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "object")]
    pub(crate) recipient: Option<RecipientInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dry_run: Option<bool>,
}

impl Validate for GenerateDataKeyRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.optional("numberOfBytes", &self.number_of_bytes, &NUMBER_OF_BYTES_TYPE);
        found.optional("keySpec", &self.key_spec, &DATA_KEY_SPEC);
        found.optional("grantTokens", &self.grant_tokens, &GRANT_TOKEN_LIST);
        found.optional("recipient", &self.recipient, &ANY);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GenerateDataKeyResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ciphertext_blob: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) plaintext: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ciphertext_for_recipient: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_material_id: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct GenerateDataKeyWithoutPlaintextRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encryption_context: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_spec: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) number_of_bytes: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_tokens: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dry_run: Option<bool>,
}

impl Validate for GenerateDataKeyWithoutPlaintextRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.optional("keySpec", &self.key_spec, &DATA_KEY_SPEC);
        found.optional("numberOfBytes", &self.number_of_bytes, &NUMBER_OF_BYTES_TYPE);
        found.optional("grantTokens", &self.grant_tokens, &GRANT_TOKEN_LIST);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GenerateDataKeyWithoutPlaintextResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ciphertext_blob: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_material_id: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct GenerateMacRequest {
    #[serde(skip_serializing)]
    pub(crate) message: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mac_algorithm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_tokens: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dry_run: Option<bool>,
}

impl Validate for GenerateMacRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("message", &self.message, &PLAINTEXT_TYPE);
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.required("macAlgorithm", &self.mac_algorithm, &MAC_ALGORITHM_SPEC);
        found.optional("grantTokens", &self.grant_tokens, &GRANT_TOKEN_LIST);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GenerateMacResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mac: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mac_algorithm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct GenerateRandomRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) number_of_bytes: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_key_store_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "object")]
    pub(crate) recipient: Option<RecipientInfo>,
}

impl Validate for GenerateRandomRequest {
    fn validate(&self, found: &mut Violations) {
        found.optional("numberOfBytes", &self.number_of_bytes, &NUMBER_OF_BYTES_TYPE);
        found.optional("customKeyStoreId", &self.custom_key_store_id, &CUSTOM_KEY_STORE_ID_TYPE);
        found.optional("recipient", &self.recipient, &ANY);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GenerateRandomResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) plaintext: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ciphertext_for_recipient: Option<Blob>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct GetKeyLastUsageRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
}

impl Validate for GetKeyLastUsageRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetKeyLastUsageResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_last_usage: Option<KeyLastUsageData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tracking_start_date: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_creation_date: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct GetKeyPolicyRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy_name: Option<String>,
}

impl Validate for GetKeyPolicyRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.optional("policyName", &self.policy_name, &POLICY_NAME_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetKeyPolicyResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy_name: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct GetKeyRotationStatusRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
}

impl Validate for GetKeyRotationStatusRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetKeyRotationStatusResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_rotation_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rotation_period_in_days: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_rotation_date: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) on_demand_rotation_start_date: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct GetParametersForImportRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wrapping_algorithm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wrapping_key_spec: Option<String>,
}

impl Validate for GetParametersForImportRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.required("wrappingAlgorithm", &self.wrapping_algorithm, &ALGORITHM_SPEC);
        found.required("wrappingKeySpec", &self.wrapping_key_spec, &WRAPPING_KEY_SPEC);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetParametersForImportResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) import_token: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public_key: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parameters_valid_to: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct GetPublicKeyRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_tokens: Option<Vec<String>>,
}

impl Validate for GetPublicKeyRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.optional("grantTokens", &self.grant_tokens, &GRANT_TOKEN_LIST);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetPublicKeyResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public_key: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) customer_master_key_spec: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_spec: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_usage: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encryption_algorithms: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signing_algorithms: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_agreement_algorithms: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encapsulation_algorithms: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct GrantConstraints {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encryption_context_subset: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encryption_context_equals: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_arn: Option<String>,
}

impl Validate for GrantConstraints {
    fn validate(&self, found: &mut Violations) {
        found.optional("sourceArn", &self.source_arn, &GRANT_CONSTRAINT_SOURCE_ARN_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GrantListEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) creation_date: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grantee_principal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retiring_principal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) issuing_account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) operations: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) constraints: Option<GrantConstraints>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grantee_service_principal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retiring_service_principal: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct ImportKeyMaterialRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing)]
    pub(crate) import_token: Option<Blob>,
    #[serde(skip_serializing)]
    pub(crate) encrypted_key_material: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) valid_to: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expiration_model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) import_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_material_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_material_id: Option<String>,
}

impl Validate for ImportKeyMaterialRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.required("importToken", &self.import_token, &CIPHERTEXT_TYPE);
        found.required("encryptedKeyMaterial", &self.encrypted_key_material, &CIPHERTEXT_TYPE);
        found.optional("expirationModel", &self.expiration_model, &EXPIRATION_MODEL_TYPE);
        found.optional("importType", &self.import_type, &IMPORT_TYPE);
        found.optional(
            "keyMaterialDescription",
            &self.key_material_description,
            &KEY_MATERIAL_DESCRIPTION_TYPE,
        );
        found.optional("keyMaterialId", &self.key_material_id, &BACKING_KEY_ID_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ImportKeyMaterialResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_material_id: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct KeyLastUsageData {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) operation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timestamp: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cloud_trail_event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kms_request_id: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct KeyListEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_arn: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct KeyMetadata {
    #[serde(rename = "AWSAccountId", skip_serializing_if = "Option::is_none")]
    pub(crate) aws_account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) creation_date: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_usage: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deletion_date: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) valid_to: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_key_store_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cloud_hsm_cluster_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expiration_model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_manager: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) customer_master_key_spec: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_spec: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encryption_algorithms: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signing_algorithms: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_agreement_algorithms: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encapsulation_algorithms: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) multi_region: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) multi_region_configuration: Option<MultiRegionConfiguration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pending_deletion_window_in_days: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mac_algorithms: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) xks_key_configuration: Option<XksKeyConfigurationType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) current_key_material_id: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"), deny_unknown_fields)]
pub(crate) struct ListAliasesRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) marker: Option<String>,
}

impl Validate for ListAliasesRequest {
    fn validate(&self, found: &mut Violations) {
        found.optional("keyId", &self.key_id, &KEY_ID_TYPE);
        found.optional("limit", &self.limit, &LIMIT_TYPE);
        found.optional("marker", &self.marker, &MARKER_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListAliasesResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) aliases: Option<Vec<AliasListEntry>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_marker: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) truncated: Option<bool>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"), deny_unknown_fields)]
pub(crate) struct ListGrantsRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) marker: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grantee_principal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grantee_service_principal: Option<String>,
}

impl Validate for ListGrantsRequest {
    fn validate(&self, found: &mut Violations) {
        found.optional("limit", &self.limit, &LIMIT_TYPE);
        found.optional("marker", &self.marker, &MARKER_TYPE);
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.optional("grantId", &self.grant_id, &GRANT_ID_TYPE);
        found.optional("granteePrincipal", &self.grantee_principal, &PRINCIPAL_ID_TYPE);
        found.optional(
            "granteeServicePrincipal",
            &self.grantee_service_principal,
            &SERVICE_PRINCIPAL_TYPE,
        );
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListGrantsResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grants: Option<Vec<GrantListEntry>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_marker: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) truncated: Option<bool>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"), deny_unknown_fields)]
pub(crate) struct ListKeyPoliciesRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) marker: Option<String>,
}

impl Validate for ListKeyPoliciesRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.optional("limit", &self.limit, &LIMIT_TYPE);
        found.optional("marker", &self.marker, &MARKER_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListKeyPoliciesResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy_names: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_marker: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) truncated: Option<bool>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"), deny_unknown_fields)]
pub(crate) struct ListKeyRotationsRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) include_key_material: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) marker: Option<String>,
}

impl Validate for ListKeyRotationsRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.optional("includeKeyMaterial", &self.include_key_material, &INCLUDE_KEY_MATERIAL);
        found.optional("limit", &self.limit, &LIMIT_TYPE);
        found.optional("marker", &self.marker, &MARKER_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListKeyRotationsResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rotations: Option<Vec<RotationsListEntry>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_marker: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) truncated: Option<bool>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"), deny_unknown_fields)]
pub(crate) struct ListKeysRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) marker: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resource_owners: Option<Vec<String>>,
}

impl Validate for ListKeysRequest {
    fn validate(&self, found: &mut Violations) {
        found.optional("limit", &self.limit, &LIMIT_TYPE);
        found.optional("marker", &self.marker, &MARKER_TYPE);
        found.optional("resourceOwners", &self.resource_owners, &RESOURCE_OWNERS_LIST);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListKeysResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) keys: Option<Vec<KeyListEntry>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_marker: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) truncated: Option<bool>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"), deny_unknown_fields)]
pub(crate) struct ListResourceTagsRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) marker: Option<String>,
}

impl Validate for ListResourceTagsRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.optional("limit", &self.limit, &LIMIT_TYPE);
        found.optional("marker", &self.marker, &MARKER_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListResourceTagsResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tags: Option<Vec<Tag>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_marker: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) truncated: Option<bool>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"), deny_unknown_fields)]
pub(crate) struct ListRetirableGrantsRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) marker: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retiring_principal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retiring_service_principal: Option<String>,
}

impl Validate for ListRetirableGrantsRequest {
    fn validate(&self, found: &mut Violations) {
        found.optional("limit", &self.limit, &LIMIT_TYPE);
        found.optional("marker", &self.marker, &MARKER_TYPE);
        found.optional("retiringPrincipal", &self.retiring_principal, &PRINCIPAL_ID_TYPE);
        found.optional(
            "retiringServicePrincipal",
            &self.retiring_service_principal,
            &SERVICE_PRINCIPAL_TYPE,
        );
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MultiRegionConfiguration {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) multi_region_key_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) primary_key: Option<MultiRegionKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replica_keys: Option<Vec<MultiRegionKey>>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MultiRegionKey {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct PutKeyPolicyRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bypass_policy_lockout_safety_check: Option<bool>,
}

impl Validate for PutKeyPolicyRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.optional("policyName", &self.policy_name, &POLICY_NAME_TYPE);
        found.required("policy", &self.policy, &POLICY_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct ReEncryptRequest {
    #[serde(skip_serializing)]
    pub(crate) ciphertext_blob: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_encryption_context: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) destination_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) destination_encryption_context: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_encryption_algorithm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) destination_encryption_algorithm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_tokens: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dry_run: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dry_run_modifiers: Option<Vec<String>>,
}

impl Validate for ReEncryptRequest {
    fn validate(&self, found: &mut Violations) {
        found.optional("ciphertextBlob", &self.ciphertext_blob, &CIPHERTEXT_TYPE);
        found.optional("sourceKeyId", &self.source_key_id, &KEY_ID_TYPE);
        found.required("destinationKeyId", &self.destination_key_id, &KEY_ID_TYPE);
        found.optional(
            "sourceEncryptionAlgorithm",
            &self.source_encryption_algorithm,
            &ENCRYPTION_ALGORITHM_SPEC,
        );
        found.optional(
            "destinationEncryptionAlgorithm",
            &self.destination_encryption_algorithm,
            &ENCRYPTION_ALGORITHM_SPEC,
        );
        found.optional("grantTokens", &self.grant_tokens, &GRANT_TOKEN_LIST);
        found.optional("dryRunModifiers", &self.dry_run_modifiers, &DRY_RUN_MODIFIER_LIST);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ReEncryptResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ciphertext_blob: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_encryption_algorithm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) destination_encryption_algorithm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_key_material_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) destination_key_material_id: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"), deny_unknown_fields)]
pub(crate) struct RecipientInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_encryption_algorithm: Option<String>,
    #[serde(skip_serializing)]
    pub(crate) attestation_document: Option<Blob>,
}

impl Validate for RecipientInfo {
    fn validate(&self, found: &mut Violations) {
        found.optional(
            "keyEncryptionAlgorithm",
            &self.key_encryption_algorithm,
            &KEY_ENCRYPTION_MECHANISM,
        );
        found.optional(
            "attestationDocument",
            &self.attestation_document,
            &ATTESTATION_DOCUMENT_TYPE,
        );
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct ReplicateKeyRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replica_region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bypass_policy_lockout_safety_check: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "objects")]
    pub(crate) tags: Option<Vec<Tag>>,
}

impl Validate for ReplicateKeyRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.required("replicaRegion", &self.replica_region, &REGION_TYPE);
        found.optional("policy", &self.policy, &POLICY_TYPE);
        found.optional("description", &self.description, &DESCRIPTION_TYPE);
        found.optional("tags", &self.tags, &ANY);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ReplicateKeyResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replica_key_metadata: Option<KeyMetadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replica_policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replica_tags: Option<Vec<Tag>>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct RetireGrantRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dry_run: Option<bool>,
}

impl Validate for RetireGrantRequest {
    fn validate(&self, found: &mut Violations) {
        found.optional("grantToken", &self.grant_token, &GRANT_TOKEN_TYPE);
        found.optional("keyId", &self.key_id, &KEY_ID_TYPE);
        found.optional("grantId", &self.grant_id, &GRANT_ID_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct RevokeGrantRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dry_run: Option<bool>,
}

impl Validate for RevokeGrantRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.required("grantId", &self.grant_id, &GRANT_ID_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct RotateKeyOnDemandRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
}

impl Validate for RotateKeyOnDemandRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RotateKeyOnDemandResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RotationsListEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_material_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_material_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) import_state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_material_state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expiration_model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) valid_to: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rotation_date: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rotation_type: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct ScheduleKeyDeletionRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pending_window_in_days: Option<i32>,
}

impl Validate for ScheduleKeyDeletionRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.optional(
            "pendingWindowInDays",
            &self.pending_window_in_days,
            &PENDING_WINDOW_IN_DAYS_TYPE,
        );
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ScheduleKeyDeletionResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deletion_date: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pending_window_in_days: Option<i32>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct SignRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing)]
    pub(crate) message: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_tokens: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signing_algorithm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dry_run: Option<bool>,
}

impl Validate for SignRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.required("message", &self.message, &PLAINTEXT_TYPE);
        found.optional("messageType", &self.message_type, &MESSAGE_TYPE);
        found.optional("grantTokens", &self.grant_tokens, &GRANT_TOKEN_LIST);
        found.required("signingAlgorithm", &self.signing_algorithm, &SIGNING_ALGORITHM_SPEC);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SignResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signing_algorithm: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Tag {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tag_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tag_value: Option<String>,
}

impl Validate for Tag {
    fn validate(&self, found: &mut Violations) {
        found.required("tagKey", &self.tag_key, &TAG_KEY_TYPE);
        found.required("tagValue", &self.tag_value, &TAG_VALUE_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct TagResourceRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "objects")]
    pub(crate) tags: Option<Vec<Tag>>,
}

impl Validate for TagResourceRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.required("tags", &self.tags, &ANY);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct UntagResourceRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tag_keys: Option<Vec<String>>,
}

impl Validate for UntagResourceRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.required("tagKeys", &self.tag_keys, &TAG_KEY_LIST);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct UpdateAliasRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alias_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target_key_id: Option<String>,
}

impl Validate for UpdateAliasRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("aliasName", &self.alias_name, &ALIAS_NAME_TYPE);
        found.required("targetKeyId", &self.target_key_id, &KEY_ID_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct UpdateCustomKeyStoreRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_key_store_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) new_custom_key_store_name: Option<String>,
    #[serde(skip_serializing)]
    pub(crate) key_store_password: Option<Sensitive>,
    #[serde(
        rename(serialize = "clusterId", deserialize = "CloudHsmClusterId"),
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) cloud_hsm_cluster_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) xks_proxy_uri_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) xks_proxy_uri_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) xks_proxy_vpc_endpoint_service_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) xks_proxy_vpc_endpoint_service_owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "object")]
    pub(crate) xks_proxy_authentication_credential: Option<XksProxyAuthenticationCredentialType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) xks_proxy_connectivity: Option<String>,
}

impl Validate for UpdateCustomKeyStoreRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("customKeyStoreId", &self.custom_key_store_id, &CUSTOM_KEY_STORE_ID_TYPE);
        found.optional(
            "newCustomKeyStoreName",
            &self.new_custom_key_store_name,
            &CUSTOM_KEY_STORE_NAME_TYPE,
        );
        found.optional("keyStorePassword", &self.key_store_password, &KEY_STORE_PASSWORD_TYPE);
        found.optional("cloudHsmClusterId", &self.cloud_hsm_cluster_id, &CLOUD_HSM_CLUSTER_ID_TYPE);
        found.optional(
            "xksProxyUriEndpoint",
            &self.xks_proxy_uri_endpoint,
            &XKS_PROXY_URI_ENDPOINT_TYPE,
        );
        found.optional("xksProxyUriPath", &self.xks_proxy_uri_path, &XKS_PROXY_URI_PATH_TYPE);
        found.optional(
            "xksProxyVpcEndpointServiceName",
            &self.xks_proxy_vpc_endpoint_service_name,
            &XKS_PROXY_VPC_ENDPOINT_SERVICE_NAME_TYPE,
        );
        found.optional(
            "xksProxyVpcEndpointServiceOwner",
            &self.xks_proxy_vpc_endpoint_service_owner,
            &ACCOUNT_ID_TYPE,
        );
        found.optional(
            "xksProxyAuthenticationCredential",
            &self.xks_proxy_authentication_credential,
            &ANY,
        );
        found.optional(
            "xksProxyConnectivity",
            &self.xks_proxy_connectivity,
            &XKS_PROXY_CONNECTIVITY_TYPE,
        );
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct UpdateCustomKeyStoreResponse {}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct UpdateKeyDescriptionRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
}

impl Validate for UpdateKeyDescriptionRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.required("description", &self.description, &DESCRIPTION_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct UpdatePrimaryRegionRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) primary_region: Option<String>,
}

impl Validate for UpdatePrimaryRegionRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.required("primaryRegion", &self.primary_region, &REGION_TYPE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct VerifyMacRequest {
    #[serde(skip_serializing)]
    pub(crate) message: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mac_algorithm: Option<String>,
    #[serde(skip_serializing)]
    pub(crate) mac: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_tokens: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dry_run: Option<bool>,
}

impl Validate for VerifyMacRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("message", &self.message, &PLAINTEXT_TYPE);
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.required("macAlgorithm", &self.mac_algorithm, &MAC_ALGORITHM_SPEC);
        found.required("mac", &self.mac, &CIPHERTEXT_TYPE);
        found.optional("grantTokens", &self.grant_tokens, &GRANT_TOKEN_LIST);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct VerifyMacResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mac_valid: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mac_algorithm: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct VerifyRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing)]
    pub(crate) message: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_type: Option<String>,
    #[serde(skip_serializing)]
    pub(crate) signature: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signing_algorithm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_tokens: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dry_run: Option<bool>,
}

impl Validate for VerifyRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("keyId", &self.key_id, &KEY_ID_TYPE);
        found.required("message", &self.message, &PLAINTEXT_TYPE);
        found.optional("messageType", &self.message_type, &MESSAGE_TYPE);
        found.required("signature", &self.signature, &CIPHERTEXT_TYPE);
        found.required("signingAlgorithm", &self.signing_algorithm, &SIGNING_ALGORITHM_SPEC);
        found.optional("grantTokens", &self.grant_tokens, &GRANT_TOKEN_LIST);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct VerifyResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signature_valid: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signing_algorithm: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct XksKeyConfigurationType {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"), deny_unknown_fields)]
pub(crate) struct XksProxyAuthenticationCredentialType {
    #[serde(skip_serializing)]
    pub(crate) access_key_id: Option<Sensitive>,
    #[serde(skip_serializing)]
    pub(crate) raw_secret_access_key: Option<Sensitive>,
}

impl Validate for XksProxyAuthenticationCredentialType {
    fn validate(&self, found: &mut Violations) {
        found.required(
            "accessKeyId",
            &self.access_key_id,
            &XKS_PROXY_AUTHENTICATION_ACCESS_KEY_ID_TYPE,
        );
        found.required(
            "rawSecretAccessKey",
            &self.raw_secret_access_key,
            &XKS_PROXY_AUTHENTICATION_RAW_SECRET_ACCESS_KEY_TYPE,
        );
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct XksProxyConfigurationType {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) connectivity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) access_key_id: Option<Sensitive>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) uri_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) uri_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) vpc_endpoint_service_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) vpc_endpoint_service_owner: Option<String>,
}

static ACCOUNT_ID_TYPE: Rule = Rule::pattern(r#"[0-9]{12}"#).min(12).max(12);
static ALGORITHM_SPEC: Rule = Rule::any().values(&[
    "RSAES_PKCS1_V1_5",
    "RSAES_OAEP_SHA_1",
    "RSAES_OAEP_SHA_256",
    "RSA_AES_KEY_WRAP_SHA_1",
    "RSA_AES_KEY_WRAP_SHA_256",
    "SM2PKE",
]);
static ALIAS_NAME_TYPE: Rule = Rule::pattern(r#"^[a-zA-Z0-9:/_-]+$"#).min(1).max(256);
static ATTESTATION_DOCUMENT_TYPE: Rule = Rule::any().min(1).max(262144);
static BACKING_KEY_ID_TYPE: Rule = Rule::pattern(r#"^[a-f0-9]+$"#).min(64).max(64);
static CIPHERTEXT_TYPE: Rule = Rule::any().min(1).max(6144);
static CLOUD_HSM_CLUSTER_ID_TYPE: Rule =
    Rule::pattern(r#"cluster-[2-7a-zA-Z]{11,16}"#).min(19).max(24);
static CUSTOM_KEY_STORE_ID_TYPE: Rule = Rule::any().min(1).max(64);
static CUSTOM_KEY_STORE_NAME_TYPE: Rule = Rule::any().min(1).max(256);
static CUSTOM_KEY_STORE_TYPE: Rule = Rule::any().values(&["AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"]);
static CUSTOMER_MASTER_KEY_SPEC: Rule = Rule::any().values(&[
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "ECC_NIST_P256",
    "ECC_NIST_P384",
    "ECC_NIST_P521",
    "ECC_SECG_P256K1",
    "SYMMETRIC_DEFAULT",
    "HMAC_224",
    "HMAC_256",
    "HMAC_384",
    "HMAC_512",
    "SM2",
]);
static DATA_KEY_PAIR_SPEC: Rule = Rule::any().values(&[
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "ECC_NIST_P256",
    "ECC_NIST_P384",
    "ECC_NIST_P521",
    "ECC_SECG_P256K1",
    "SM2",
    "ECC_NIST_EDWARDS25519",
    "ML_KEM_512",
    "ML_KEM_768",
    "ML_KEM_1024",
]);
static DATA_KEY_SPEC: Rule = Rule::any().values(&["AES_256", "AES_128"]);
static DESCRIPTION_TYPE: Rule = Rule::any().min(0).max(8192);
static DRY_RUN_MODIFIER_LIST: Rule = Rule::any().each(&DRY_RUN_MODIFIER_TYPE);
static DRY_RUN_MODIFIER_TYPE: Rule = Rule::any().values(&["IGNORE_CIPHERTEXT"]);
static ENCAPSULATION_ALGORITHM_SPEC: Rule = Rule::any().values(&["ML_KEM"]);
static ENCRYPTION_ALGORITHM_SPEC: Rule =
    Rule::any().values(&["SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "SM2PKE"]);
static EXPIRATION_MODEL_TYPE: Rule =
    Rule::any().values(&["KEY_MATERIAL_EXPIRES", "KEY_MATERIAL_DOES_NOT_EXPIRE"]);
static GRANT_CONSTRAINT_SOURCE_ARN_TYPE: Rule =
    Rule::pattern(r#"^arn:aws[a-z0-9-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]{12}:.+$"#).min(20).max(512);
static GRANT_ID_TYPE: Rule = Rule::any().min(1).max(128);
static GRANT_NAME_TYPE: Rule = Rule::pattern(r#"^[a-zA-Z0-9:/_-]+$"#).min(1).max(256);
static GRANT_OPERATION: Rule = Rule::any().values(&[
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
    "Sign",
    "Verify",
    "GetPublicKey",
    "CreateGrant",
    "RetireGrant",
    "DescribeKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateMac",
    "VerifyMac",
    "DeriveSharedSecret",
    "Encapsulate",
    "Decapsulate",
]);
static GRANT_OPERATION_LIST: Rule = Rule::any().each(&GRANT_OPERATION);
static GRANT_TOKEN_LIST: Rule = Rule::any().min(0).max(10).each(&GRANT_TOKEN_TYPE);
static GRANT_TOKEN_TYPE: Rule = Rule::any().min(1).max(8192);
static IMPORT_TYPE: Rule = Rule::any().values(&["NEW_KEY_MATERIAL", "EXISTING_KEY_MATERIAL"]);
static INCLUDE_KEY_MATERIAL: Rule = Rule::any().values(&["ALL_KEY_MATERIAL", "ROTATIONS_ONLY"]);
static KEY_AGREEMENT_ALGORITHM_SPEC: Rule = Rule::any().values(&["ECDH"]);
static KEY_ENCRYPTION_MECHANISM: Rule = Rule::any().values(&["RSAES_OAEP_SHA_256"]);
static KEY_ID_TYPE: Rule = Rule::any().min(1).max(2048);
static KEY_MATERIAL_DESCRIPTION_TYPE: Rule =
    Rule::pattern(r#"^[a-zA-Z0-9:/_\s.-]+$"#).min(0).max(256);
static KEY_SPEC: Rule = Rule::any().values(&[
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "ECC_NIST_P256",
    "ECC_NIST_P384",
    "ECC_NIST_P521",
    "ECC_SECG_P256K1",
    "SYMMETRIC_DEFAULT",
    "HMAC_224",
    "HMAC_256",
    "HMAC_384",
    "HMAC_512",
    "SM2",
    "ML_DSA_44",
    "ML_DSA_65",
    "ML_DSA_87",
    "ECC_NIST_EDWARDS25519",
    "ML_KEM_512",
    "ML_KEM_768",
    "ML_KEM_1024",
]);
static KEY_STORE_PASSWORD_TYPE: Rule = Rule::any().min(7).max(32);
static KEY_USAGE_TYPE: Rule = Rule::any().values(&[
    "SIGN_VERIFY",
    "ENCRYPT_DECRYPT",
    "GENERATE_VERIFY_MAC",
    "KEY_AGREEMENT",
    "ENCAPSULATE_DECAPSULATE",
]);
static LIMIT_TYPE: Rule = Rule::any().min(1).max(1000);
static MAC_ALGORITHM_SPEC: Rule =
    Rule::any().values(&["HMAC_SHA_224", "HMAC_SHA_256", "HMAC_SHA_384", "HMAC_SHA_512"]);
static MARKER_TYPE: Rule = Rule::pattern(r#"[\u0020-\u00FF]*"#).min(1).max(1024);
static MESSAGE_TYPE: Rule = Rule::any().values(&["RAW", "DIGEST", "EXTERNAL_MU"]);
static NUMBER_OF_BYTES_TYPE: Rule = Rule::any().min(1).max(1024);
static ORIGIN_TYPE: Rule =
    Rule::any().values(&["AWS_KMS", "EXTERNAL", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"]);
static PENDING_WINDOW_IN_DAYS_TYPE: Rule = Rule::any().min(1).max(365);
static PLAINTEXT_TYPE: Rule = Rule::any().min(1).max(4096);
static POLICY_NAME_TYPE: Rule = Rule::pattern(r#"[\w]+"#).min(1).max(128);
static POLICY_TYPE: Rule =
    Rule::pattern(r#"[\u0009\u000A\u000D\u0020-\u00FF]+"#).min(1).max(131072);
static PRINCIPAL_ID_TYPE: Rule = Rule::pattern(r#"^[\w+=,.@:/-]+$"#).min(1).max(256);
static PUBLIC_KEY_TYPE: Rule = Rule::any().min(1).max(8192);
static REGION_TYPE: Rule = Rule::pattern(r#"^([a-z]+-){2,3}\d+$"#).min(1).max(32);
static RESOURCE_OWNER_TYPE: Rule = Rule::any().values(&["SELF", "OTHER_ACCOUNTS_VIA_RAM"]);
static RESOURCE_OWNERS_LIST: Rule = Rule::any().min(1).max(2).each(&RESOURCE_OWNER_TYPE);
static ROTATION_PERIOD_IN_DAYS_TYPE: Rule = Rule::any().min(90).max(2560);
static SERVICE_PRINCIPAL_TYPE: Rule =
    Rule::pattern(r#"^([A-Za-z0-9\-]+)\.([A-Za-z0-9\-]+)(\.[A-Za-z0-9\-]+)+$"#).min(1).max(128);
static SIGNING_ALGORITHM_SPEC: Rule = Rule::any().values(&[
    "RSASSA_PSS_SHA_256",
    "RSASSA_PSS_SHA_384",
    "RSASSA_PSS_SHA_512",
    "RSASSA_PKCS1_V1_5_SHA_256",
    "RSASSA_PKCS1_V1_5_SHA_384",
    "RSASSA_PKCS1_V1_5_SHA_512",
    "ECDSA_SHA_256",
    "ECDSA_SHA_384",
    "ECDSA_SHA_512",
    "SM2DSA",
    "ML_DSA_SHAKE_256",
    "ED25519_SHA_512",
    "ED25519_PH_SHA_512",
]);
static TAG_KEY_LIST: Rule = Rule::any().each(&TAG_KEY_TYPE);
static TAG_KEY_TYPE: Rule = Rule::any().min(1).max(128);
static TAG_VALUE_TYPE: Rule = Rule::any().min(0).max(256);
static TRUST_ANCHOR_CERTIFICATE_TYPE: Rule = Rule::any().min(1).max(5000);
static WRAPPING_KEY_SPEC: Rule = Rule::any().values(&["RSA_2048", "RSA_3072", "RSA_4096", "SM2"]);
static XKS_KEY_ID_TYPE: Rule = Rule::pattern(r#"^[a-zA-Z0-9-_.]+$"#).min(1).max(128);
static XKS_PROXY_AUTHENTICATION_ACCESS_KEY_ID_TYPE: Rule =
    Rule::pattern(r#"^[A-Z2-7]+$"#).min(20).max(30);
static XKS_PROXY_AUTHENTICATION_RAW_SECRET_ACCESS_KEY_TYPE: Rule =
    Rule::pattern(r#"^[a-zA-Z0-9\/+=]+$"#).min(43).max(64);
static XKS_PROXY_CONNECTIVITY_TYPE: Rule =
    Rule::any().values(&["PUBLIC_ENDPOINT", "VPC_ENDPOINT_SERVICE"]);
static XKS_PROXY_URI_ENDPOINT_TYPE: Rule =
    Rule::pattern(r#"^https://[a-zA-Z0-9.-]+$"#).min(10).max(128);
static XKS_PROXY_URI_PATH_TYPE: Rule =
    Rule::pattern(r#"^(/[a-zA-Z0-9\/_-]+/kms/xks/v\d{1,2})$|^(/kms/xks/v\d{1,2})$"#)
        .min(10)
        .max(128);
static XKS_PROXY_VPC_ENDPOINT_SERVICE_NAME_TYPE: Rule =
    Rule::pattern(r#"^(com|eu)\.amazonaws\.vpce\.([a-z]+-){2,3}\d+\.vpce-svc-[0-9a-z]+$"#)
        .min(20)
        .max(64);

impl Operation for CancelKeyDeletionRequest {
    const NAME: &'static str = "CancelKeyDeletion";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::InvalidArnException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = CancelKeyDeletionResponse;
}

impl Operation for ConnectCustomKeyStoreRequest {
    const NAME: &'static str = "ConnectCustomKeyStore";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::CloudHsmClusterNotActiveException,
        ErrorKind::CustomKeyStoreInvalidStateException,
        ErrorKind::CustomKeyStoreNotFoundException,
        ErrorKind::KMSInternalException,
        ErrorKind::CloudHsmClusterInvalidConfigurationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = ConnectCustomKeyStoreResponse;
}

impl Operation for CreateAliasRequest {
    const NAME: &'static str = "CreateAlias";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::DependencyTimeoutException,
        ErrorKind::AlreadyExistsException,
        ErrorKind::NotFoundException,
        ErrorKind::InvalidAliasNameException,
        ErrorKind::KMSInternalException,
        ErrorKind::LimitExceededException,
        ErrorKind::KMSInvalidStateException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = Nothing;
}

impl Operation for CreateCustomKeyStoreRequest {
    const NAME: &'static str = "CreateCustomKeyStore";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::CloudHsmClusterInUseException,
        ErrorKind::CustomKeyStoreNameInUseException,
        ErrorKind::CloudHsmClusterNotFoundException,
        ErrorKind::KMSInternalException,
        ErrorKind::CloudHsmClusterNotActiveException,
        ErrorKind::IncorrectTrustAnchorException,
        ErrorKind::CloudHsmClusterInvalidConfigurationException,
        ErrorKind::LimitExceededException,
        ErrorKind::XksProxyUriInUseException,
        ErrorKind::XksProxyUriEndpointInUseException,
        ErrorKind::XksProxyUriUnreachableException,
        ErrorKind::XksProxyIncorrectAuthenticationCredentialException,
        ErrorKind::XksProxyVpcEndpointServiceInUseException,
        ErrorKind::XksProxyVpcEndpointServiceNotFoundException,
        ErrorKind::XksProxyVpcEndpointServiceInvalidConfigurationException,
        ErrorKind::XksProxyInvalidResponseException,
        ErrorKind::XksProxyInvalidConfigurationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = CreateCustomKeyStoreResponse;
}

impl Operation for CreateGrantRequest {
    const NAME: &'static str = "CreateGrant";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::DisabledException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::InvalidArnException,
        ErrorKind::KMSInternalException,
        ErrorKind::InvalidGrantTokenException,
        ErrorKind::LimitExceededException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::DryRunOperationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = CreateGrantResponse;
}

impl Operation for CreateKeyRequest {
    const NAME: &'static str = "CreateKey";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::MalformedPolicyDocumentException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::InvalidArnException,
        ErrorKind::UnsupportedOperationException,
        ErrorKind::KMSInternalException,
        ErrorKind::LimitExceededException,
        ErrorKind::TagException,
        ErrorKind::CustomKeyStoreNotFoundException,
        ErrorKind::CustomKeyStoreInvalidStateException,
        ErrorKind::CloudHsmClusterInvalidConfigurationException,
        ErrorKind::XksKeyInvalidConfigurationException,
        ErrorKind::XksKeyAlreadyInUseException,
        ErrorKind::XksKeyNotFoundException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = CreateKeyResponse;
}

impl Operation for DecapsulateRequest {
    const NAME: &'static str = "Decapsulate";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::DisabledException,
        ErrorKind::KeyUnavailableException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::InvalidGrantTokenException,
        ErrorKind::InvalidKeyUsageException,
        ErrorKind::InvalidCiphertextException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::DryRunOperationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = DecapsulateResponse;
}

impl Operation for DecryptRequest {
    const NAME: &'static str = "Decrypt";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::DisabledException,
        ErrorKind::InvalidCiphertextException,
        ErrorKind::KeyUnavailableException,
        ErrorKind::IncorrectKeyException,
        ErrorKind::InvalidKeyUsageException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::InvalidGrantTokenException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::DryRunOperationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = DecryptResponse;
}

impl Operation for DeleteAliasRequest {
    const NAME: &'static str = "DeleteAlias";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::DependencyTimeoutException,
        ErrorKind::NotFoundException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = Nothing;
}

impl Operation for DeleteCustomKeyStoreRequest {
    const NAME: &'static str = "DeleteCustomKeyStore";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::CustomKeyStoreHasCMKsException,
        ErrorKind::CustomKeyStoreInvalidStateException,
        ErrorKind::CustomKeyStoreNotFoundException,
        ErrorKind::KMSInternalException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = DeleteCustomKeyStoreResponse;
}

impl Operation for DeleteImportedKeyMaterialRequest {
    const NAME: &'static str = "DeleteImportedKeyMaterial";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::InvalidArnException,
        ErrorKind::UnsupportedOperationException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::NotFoundException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = DeleteImportedKeyMaterialResponse;
}

impl Operation for DeriveSharedSecretRequest {
    const NAME: &'static str = "DeriveSharedSecret";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::DisabledException,
        ErrorKind::KeyUnavailableException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::InvalidGrantTokenException,
        ErrorKind::InvalidKeyUsageException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::DryRunOperationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = DeriveSharedSecretResponse;
}

impl Operation for DescribeCustomKeyStoresRequest {
    const NAME: &'static str = "DescribeCustomKeyStores";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::CustomKeyStoreNotFoundException,
        ErrorKind::InvalidMarkerException,
        ErrorKind::KMSInternalException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = DescribeCustomKeyStoresResponse;
}

impl Operation for DescribeKeyRequest {
    const NAME: &'static str = "DescribeKey";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::InvalidArnException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::KMSInternalException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = DescribeKeyResponse;
}

impl Operation for DisableKeyRequest {
    const NAME: &'static str = "DisableKey";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::InvalidArnException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = Nothing;
}

impl Operation for DisableKeyRotationRequest {
    const NAME: &'static str = "DisableKeyRotation";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::DisabledException,
        ErrorKind::InvalidArnException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::UnsupportedOperationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = Nothing;
}

impl Operation for DisconnectCustomKeyStoreRequest {
    const NAME: &'static str = "DisconnectCustomKeyStore";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::CustomKeyStoreInvalidStateException,
        ErrorKind::CustomKeyStoreNotFoundException,
        ErrorKind::KMSInternalException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = DisconnectCustomKeyStoreResponse;
}

impl Operation for EnableKeyRequest {
    const NAME: &'static str = "EnableKey";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::InvalidArnException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::KMSInternalException,
        ErrorKind::LimitExceededException,
        ErrorKind::KMSInvalidStateException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = Nothing;
}

impl Operation for EnableKeyRotationRequest {
    const NAME: &'static str = "EnableKeyRotation";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::DisabledException,
        ErrorKind::InvalidArnException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::UnsupportedOperationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = Nothing;
}

impl Operation for EncapsulateRequest {
    const NAME: &'static str = "Encapsulate";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::DisabledException,
        ErrorKind::KeyUnavailableException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::InvalidGrantTokenException,
        ErrorKind::InvalidKeyUsageException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::DryRunOperationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = EncapsulateResponse;
}

impl Operation for EncryptRequest {
    const NAME: &'static str = "Encrypt";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::DisabledException,
        ErrorKind::KeyUnavailableException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::InvalidKeyUsageException,
        ErrorKind::InvalidGrantTokenException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::DryRunOperationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = EncryptResponse;
}

impl Operation for GenerateDataKeyRequest {
    const NAME: &'static str = "GenerateDataKey";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::DisabledException,
        ErrorKind::KeyUnavailableException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::InvalidKeyUsageException,
        ErrorKind::InvalidGrantTokenException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::DryRunOperationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = GenerateDataKeyResponse;
}

impl Operation for GenerateDataKeyPairRequest {
    const NAME: &'static str = "GenerateDataKeyPair";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::DisabledException,
        ErrorKind::KeyUnavailableException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::InvalidKeyUsageException,
        ErrorKind::InvalidGrantTokenException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::UnsupportedOperationException,
        ErrorKind::DryRunOperationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = GenerateDataKeyPairResponse;
}

impl Operation for GenerateDataKeyPairWithoutPlaintextRequest {
    const NAME: &'static str = "GenerateDataKeyPairWithoutPlaintext";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::DisabledException,
        ErrorKind::KeyUnavailableException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::InvalidKeyUsageException,
        ErrorKind::InvalidGrantTokenException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::UnsupportedOperationException,
        ErrorKind::DryRunOperationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = GenerateDataKeyPairWithoutPlaintextResponse;
}

impl Operation for GenerateDataKeyWithoutPlaintextRequest {
    const NAME: &'static str = "GenerateDataKeyWithoutPlaintext";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::DisabledException,
        ErrorKind::KeyUnavailableException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::InvalidKeyUsageException,
        ErrorKind::InvalidGrantTokenException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::DryRunOperationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = GenerateDataKeyWithoutPlaintextResponse;
}

impl Operation for GenerateMacRequest {
    const NAME: &'static str = "GenerateMac";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::DisabledException,
        ErrorKind::KeyUnavailableException,
        ErrorKind::InvalidKeyUsageException,
        ErrorKind::InvalidGrantTokenException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::DryRunOperationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = GenerateMacResponse;
}

impl Operation for GenerateRandomRequest {
    const NAME: &'static str = "GenerateRandom";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::DependencyTimeoutException,
        ErrorKind::KMSInternalException,
        ErrorKind::UnsupportedOperationException,
        ErrorKind::CustomKeyStoreNotFoundException,
        ErrorKind::CustomKeyStoreInvalidStateException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = GenerateRandomResponse;
}

impl Operation for GetKeyLastUsageRequest {
    const NAME: &'static str = "GetKeyLastUsage";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::InvalidArnException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::KMSInternalException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = GetKeyLastUsageResponse;
}

impl Operation for GetKeyPolicyRequest {
    const NAME: &'static str = "GetKeyPolicy";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::InvalidArnException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = GetKeyPolicyResponse;
}

impl Operation for GetKeyRotationStatusRequest {
    const NAME: &'static str = "GetKeyRotationStatus";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::InvalidArnException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::UnsupportedOperationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = GetKeyRotationStatusResponse;
}

impl Operation for GetParametersForImportRequest {
    const NAME: &'static str = "GetParametersForImport";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::InvalidArnException,
        ErrorKind::UnsupportedOperationException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::NotFoundException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = GetParametersForImportResponse;
}

impl Operation for GetPublicKeyRequest {
    const NAME: &'static str = "GetPublicKey";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::DisabledException,
        ErrorKind::KeyUnavailableException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::UnsupportedOperationException,
        ErrorKind::InvalidArnException,
        ErrorKind::InvalidGrantTokenException,
        ErrorKind::InvalidKeyUsageException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = GetPublicKeyResponse;
}

impl Operation for ImportKeyMaterialRequest {
    const NAME: &'static str = "ImportKeyMaterial";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::InvalidArnException,
        ErrorKind::UnsupportedOperationException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::NotFoundException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::InvalidCiphertextException,
        ErrorKind::IncorrectKeyMaterialException,
        ErrorKind::ExpiredImportTokenException,
        ErrorKind::InvalidImportTokenException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = ImportKeyMaterialResponse;
}

impl Operation for ListAliasesRequest {
    const NAME: &'static str = "ListAliases";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::DependencyTimeoutException,
        ErrorKind::InvalidMarkerException,
        ErrorKind::KMSInternalException,
        ErrorKind::InvalidArnException,
        ErrorKind::NotFoundException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = ListAliasesResponse;
}

impl Operation for ListGrantsRequest {
    const NAME: &'static str = "ListGrants";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::InvalidMarkerException,
        ErrorKind::InvalidGrantIdException,
        ErrorKind::InvalidArnException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = ListGrantsResponse;
}

impl Operation for ListKeyPoliciesRequest {
    const NAME: &'static str = "ListKeyPolicies";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::InvalidArnException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = ListKeyPoliciesResponse;
}

impl Operation for ListKeyRotationsRequest {
    const NAME: &'static str = "ListKeyRotations";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::InvalidArnException,
        ErrorKind::InvalidMarkerException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::UnsupportedOperationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = ListKeyRotationsResponse;
}

impl Operation for ListKeysRequest {
    const NAME: &'static str = "ListKeys";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::DependencyTimeoutException,
        ErrorKind::KMSInternalException,
        ErrorKind::InvalidMarkerException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = ListKeysResponse;
}

impl Operation for ListResourceTagsRequest {
    const NAME: &'static str = "ListResourceTags";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::KMSInternalException,
        ErrorKind::NotFoundException,
        ErrorKind::InvalidArnException,
        ErrorKind::InvalidMarkerException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = ListResourceTagsResponse;
}

impl Operation for ListRetirableGrantsRequest {
    const NAME: &'static str = "ListRetirableGrants";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::DependencyTimeoutException,
        ErrorKind::InvalidMarkerException,
        ErrorKind::InvalidArnException,
        ErrorKind::NotFoundException,
        ErrorKind::KMSInternalException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = ListGrantsResponse;
}

impl Operation for PutKeyPolicyRequest {
    const NAME: &'static str = "PutKeyPolicy";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::InvalidArnException,
        ErrorKind::MalformedPolicyDocumentException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::UnsupportedOperationException,
        ErrorKind::KMSInternalException,
        ErrorKind::LimitExceededException,
        ErrorKind::KMSInvalidStateException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = Nothing;
}

impl Operation for ReEncryptRequest {
    const NAME: &'static str = "ReEncrypt";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::DisabledException,
        ErrorKind::InvalidCiphertextException,
        ErrorKind::KeyUnavailableException,
        ErrorKind::IncorrectKeyException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::InvalidKeyUsageException,
        ErrorKind::InvalidGrantTokenException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::DryRunOperationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = ReEncryptResponse;
}

impl Operation for ReplicateKeyRequest {
    const NAME: &'static str = "ReplicateKey";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::AlreadyExistsException,
        ErrorKind::DisabledException,
        ErrorKind::InvalidArnException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::KMSInternalException,
        ErrorKind::LimitExceededException,
        ErrorKind::MalformedPolicyDocumentException,
        ErrorKind::NotFoundException,
        ErrorKind::TagException,
        ErrorKind::UnsupportedOperationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = ReplicateKeyResponse;
}

impl Operation for RetireGrantRequest {
    const NAME: &'static str = "RetireGrant";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::InvalidArnException,
        ErrorKind::InvalidGrantTokenException,
        ErrorKind::InvalidGrantIdException,
        ErrorKind::NotFoundException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::DryRunOperationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = Nothing;
}

impl Operation for RevokeGrantRequest {
    const NAME: &'static str = "RevokeGrant";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::InvalidArnException,
        ErrorKind::InvalidGrantIdException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::DryRunOperationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = Nothing;
}

impl Operation for RotateKeyOnDemandRequest {
    const NAME: &'static str = "RotateKeyOnDemand";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::DisabledException,
        ErrorKind::InvalidArnException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::UnsupportedOperationException,
        ErrorKind::LimitExceededException,
        ErrorKind::ConflictException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = RotateKeyOnDemandResponse;
}

impl Operation for ScheduleKeyDeletionRequest {
    const NAME: &'static str = "ScheduleKeyDeletion";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::InvalidArnException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = ScheduleKeyDeletionResponse;
}

impl Operation for SignRequest {
    const NAME: &'static str = "Sign";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::DisabledException,
        ErrorKind::KeyUnavailableException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::InvalidKeyUsageException,
        ErrorKind::InvalidGrantTokenException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::DryRunOperationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = SignResponse;
}

impl Operation for TagResourceRequest {
    const NAME: &'static str = "TagResource";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::KMSInternalException,
        ErrorKind::NotFoundException,
        ErrorKind::InvalidArnException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::LimitExceededException,
        ErrorKind::TagException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = Nothing;
}

impl Operation for UntagResourceRequest {
    const NAME: &'static str = "UntagResource";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::KMSInternalException,
        ErrorKind::NotFoundException,
        ErrorKind::InvalidArnException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::TagException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = Nothing;
}

impl Operation for UpdateAliasRequest {
    const NAME: &'static str = "UpdateAlias";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::DependencyTimeoutException,
        ErrorKind::NotFoundException,
        ErrorKind::KMSInternalException,
        ErrorKind::LimitExceededException,
        ErrorKind::KMSInvalidStateException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = Nothing;
}

impl Operation for UpdateCustomKeyStoreRequest {
    const NAME: &'static str = "UpdateCustomKeyStore";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::CustomKeyStoreNotFoundException,
        ErrorKind::CustomKeyStoreNameInUseException,
        ErrorKind::CloudHsmClusterNotFoundException,
        ErrorKind::CloudHsmClusterNotRelatedException,
        ErrorKind::CustomKeyStoreInvalidStateException,
        ErrorKind::KMSInternalException,
        ErrorKind::CloudHsmClusterNotActiveException,
        ErrorKind::CloudHsmClusterInvalidConfigurationException,
        ErrorKind::XksProxyUriInUseException,
        ErrorKind::XksProxyUriEndpointInUseException,
        ErrorKind::XksProxyUriUnreachableException,
        ErrorKind::XksProxyIncorrectAuthenticationCredentialException,
        ErrorKind::XksProxyVpcEndpointServiceInUseException,
        ErrorKind::XksProxyVpcEndpointServiceNotFoundException,
        ErrorKind::XksProxyVpcEndpointServiceInvalidConfigurationException,
        ErrorKind::XksProxyInvalidResponseException,
        ErrorKind::XksProxyInvalidConfigurationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = UpdateCustomKeyStoreResponse;
}

impl Operation for UpdateKeyDescriptionRequest {
    const NAME: &'static str = "UpdateKeyDescription";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::InvalidArnException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = Nothing;
}

impl Operation for UpdatePrimaryRegionRequest {
    const NAME: &'static str = "UpdatePrimaryRegion";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::DisabledException,
        ErrorKind::InvalidArnException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::KMSInternalException,
        ErrorKind::NotFoundException,
        ErrorKind::UnsupportedOperationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = Nothing;
}

impl Operation for VerifyRequest {
    const NAME: &'static str = "Verify";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::DisabledException,
        ErrorKind::KeyUnavailableException,
        ErrorKind::DependencyTimeoutException,
        ErrorKind::InvalidKeyUsageException,
        ErrorKind::InvalidGrantTokenException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::KMSInvalidSignatureException,
        ErrorKind::DryRunOperationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = VerifyResponse;
}

impl Operation for VerifyMacRequest {
    const NAME: &'static str = "VerifyMac";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::NotFoundException,
        ErrorKind::DisabledException,
        ErrorKind::KeyUnavailableException,
        ErrorKind::InvalidKeyUsageException,
        ErrorKind::InvalidGrantTokenException,
        ErrorKind::KMSInternalException,
        ErrorKind::KMSInvalidMacException,
        ErrorKind::KMSInvalidStateException,
        ErrorKind::DryRunOperationException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = VerifyMacResponse;
}

/// The answer of an operation by its name; none if there is no such operation.
pub(crate) async fn dispatch(
    operation: &str,
    body: &[u8],
    kms: &std::sync::Arc<Kms>,
    call: &mut Call,
) -> Option<Result<Vec<u8>, ApiError>> {
    Some(match operation {
        "CancelKeyDeletion" => run::<CancelKeyDeletionRequest>(body, kms, call).await,
        "ConnectCustomKeyStore" => run::<ConnectCustomKeyStoreRequest>(body, kms, call).await,
        "CreateAlias" => run::<CreateAliasRequest>(body, kms, call).await,
        "CreateCustomKeyStore" => run::<CreateCustomKeyStoreRequest>(body, kms, call).await,
        "CreateGrant" => run::<CreateGrantRequest>(body, kms, call).await,
        "CreateKey" => run::<CreateKeyRequest>(body, kms, call).await,
        "Decapsulate" => run::<DecapsulateRequest>(body, kms, call).await,
        "Decrypt" => run::<DecryptRequest>(body, kms, call).await,
        "DeleteAlias" => run::<DeleteAliasRequest>(body, kms, call).await,
        "DeleteCustomKeyStore" => run::<DeleteCustomKeyStoreRequest>(body, kms, call).await,
        "DeleteImportedKeyMaterial" => {
            run::<DeleteImportedKeyMaterialRequest>(body, kms, call).await
        }
        "DeriveSharedSecret" => run::<DeriveSharedSecretRequest>(body, kms, call).await,
        "DescribeCustomKeyStores" => run::<DescribeCustomKeyStoresRequest>(body, kms, call).await,
        "DescribeKey" => run::<DescribeKeyRequest>(body, kms, call).await,
        "DisableKey" => run::<DisableKeyRequest>(body, kms, call).await,
        "DisableKeyRotation" => run::<DisableKeyRotationRequest>(body, kms, call).await,
        "DisconnectCustomKeyStore" => run::<DisconnectCustomKeyStoreRequest>(body, kms, call).await,
        "EnableKey" => run::<EnableKeyRequest>(body, kms, call).await,
        "EnableKeyRotation" => run::<EnableKeyRotationRequest>(body, kms, call).await,
        "Encapsulate" => run::<EncapsulateRequest>(body, kms, call).await,
        "Encrypt" => run::<EncryptRequest>(body, kms, call).await,
        "GenerateDataKey" => run::<GenerateDataKeyRequest>(body, kms, call).await,
        "GenerateDataKeyPair" => run::<GenerateDataKeyPairRequest>(body, kms, call).await,
        "GenerateDataKeyPairWithoutPlaintext" => {
            run::<GenerateDataKeyPairWithoutPlaintextRequest>(body, kms, call).await
        }
        "GenerateDataKeyWithoutPlaintext" => {
            run::<GenerateDataKeyWithoutPlaintextRequest>(body, kms, call).await
        }
        "GenerateMac" => run::<GenerateMacRequest>(body, kms, call).await,
        "GenerateRandom" => run::<GenerateRandomRequest>(body, kms, call).await,
        "GetKeyLastUsage" => run::<GetKeyLastUsageRequest>(body, kms, call).await,
        "GetKeyPolicy" => run::<GetKeyPolicyRequest>(body, kms, call).await,
        "GetKeyRotationStatus" => run::<GetKeyRotationStatusRequest>(body, kms, call).await,
        "GetParametersForImport" => run::<GetParametersForImportRequest>(body, kms, call).await,
        "GetPublicKey" => run::<GetPublicKeyRequest>(body, kms, call).await,
        "ImportKeyMaterial" => run::<ImportKeyMaterialRequest>(body, kms, call).await,
        "ListAliases" => run::<ListAliasesRequest>(body, kms, call).await,
        "ListGrants" => run::<ListGrantsRequest>(body, kms, call).await,
        "ListKeyPolicies" => run::<ListKeyPoliciesRequest>(body, kms, call).await,
        "ListKeyRotations" => run::<ListKeyRotationsRequest>(body, kms, call).await,
        "ListKeys" => run::<ListKeysRequest>(body, kms, call).await,
        "ListResourceTags" => run::<ListResourceTagsRequest>(body, kms, call).await,
        "ListRetirableGrants" => run::<ListRetirableGrantsRequest>(body, kms, call).await,
        "PutKeyPolicy" => run::<PutKeyPolicyRequest>(body, kms, call).await,
        "ReEncrypt" => run::<ReEncryptRequest>(body, kms, call).await,
        "ReplicateKey" => run::<ReplicateKeyRequest>(body, kms, call).await,
        "RetireGrant" => run::<RetireGrantRequest>(body, kms, call).await,
        "RevokeGrant" => run::<RevokeGrantRequest>(body, kms, call).await,
        "RotateKeyOnDemand" => run::<RotateKeyOnDemandRequest>(body, kms, call).await,
        "ScheduleKeyDeletion" => run::<ScheduleKeyDeletionRequest>(body, kms, call).await,
        "Sign" => run::<SignRequest>(body, kms, call).await,
        "TagResource" => run::<TagResourceRequest>(body, kms, call).await,
        "UntagResource" => run::<UntagResourceRequest>(body, kms, call).await,
        "UpdateAlias" => run::<UpdateAliasRequest>(body, kms, call).await,
        "UpdateCustomKeyStore" => run::<UpdateCustomKeyStoreRequest>(body, kms, call).await,
        "UpdateKeyDescription" => run::<UpdateKeyDescriptionRequest>(body, kms, call).await,
        "UpdatePrimaryRegion" => run::<UpdatePrimaryRegionRequest>(body, kms, call).await,
        "Verify" => run::<VerifyRequest>(body, kms, call).await,
        "VerifyMac" => run::<VerifyMacRequest>(body, kms, call).await,
        _ => return None,
    })
}

#[cfg(test)]
use super::trial::Trial;

#[cfg(test)]
pub(super) const TRIALS: &[Trial] = &[
    Trial::of::<CancelKeyDeletionRequest>(),
    Trial::of::<ConnectCustomKeyStoreRequest>(),
    Trial::of::<CreateAliasRequest>(),
    Trial::of::<CreateCustomKeyStoreRequest>(),
    Trial::of::<CreateGrantRequest>(),
    Trial::of::<CreateKeyRequest>(),
    Trial::of::<DecapsulateRequest>(),
    Trial::of::<DecryptRequest>(),
    Trial::of::<DeleteAliasRequest>(),
    Trial::of::<DeleteCustomKeyStoreRequest>(),
    Trial::of::<DeleteImportedKeyMaterialRequest>(),
    Trial::of::<DeriveSharedSecretRequest>(),
    Trial::of::<DescribeCustomKeyStoresRequest>(),
    Trial::of::<DescribeKeyRequest>(),
    Trial::of::<DisableKeyRequest>(),
    Trial::of::<DisableKeyRotationRequest>(),
    Trial::of::<DisconnectCustomKeyStoreRequest>(),
    Trial::of::<EnableKeyRequest>(),
    Trial::of::<EnableKeyRotationRequest>(),
    Trial::of::<EncapsulateRequest>(),
    Trial::of::<EncryptRequest>(),
    Trial::of::<GenerateDataKeyRequest>(),
    Trial::of::<GenerateDataKeyPairRequest>(),
    Trial::of::<GenerateDataKeyPairWithoutPlaintextRequest>(),
    Trial::of::<GenerateDataKeyWithoutPlaintextRequest>(),
    Trial::of::<GenerateMacRequest>(),
    Trial::of::<GenerateRandomRequest>(),
    Trial::of::<GetKeyLastUsageRequest>(),
    Trial::of::<GetKeyPolicyRequest>(),
    Trial::of::<GetKeyRotationStatusRequest>(),
    Trial::of::<GetParametersForImportRequest>(),
    Trial::of::<GetPublicKeyRequest>(),
    Trial::of::<ImportKeyMaterialRequest>(),
    Trial::of::<ListAliasesRequest>(),
    Trial::of::<ListGrantsRequest>(),
    Trial::of::<ListKeyPoliciesRequest>(),
    Trial::of::<ListKeyRotationsRequest>(),
    Trial::of::<ListKeysRequest>(),
    Trial::of::<ListResourceTagsRequest>(),
    Trial::of::<ListRetirableGrantsRequest>(),
    Trial::of::<PutKeyPolicyRequest>(),
    Trial::of::<ReEncryptRequest>(),
    Trial::of::<ReplicateKeyRequest>(),
    Trial::of::<RetireGrantRequest>(),
    Trial::of::<RevokeGrantRequest>(),
    Trial::of::<RotateKeyOnDemandRequest>(),
    Trial::of::<ScheduleKeyDeletionRequest>(),
    Trial::of::<SignRequest>(),
    Trial::of::<TagResourceRequest>(),
    Trial::of::<UntagResourceRequest>(),
    Trial::of::<UpdateAliasRequest>(),
    Trial::of::<UpdateCustomKeyStoreRequest>(),
    Trial::of::<UpdateKeyDescriptionRequest>(),
    Trial::of::<UpdatePrimaryRegionRequest>(),
    Trial::of::<VerifyRequest>(),
    Trial::of::<VerifyMacRequest>(),
];

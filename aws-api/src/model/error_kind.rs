//! How a request is refused: the models' errors, and those that all services share.
//!
//! Made by `cargo xtask codegen`; not edited by hand.
#![allow(dead_code, reason = "the whole models, used or not")]

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    AccessDeniedException,
    AlreadyExistsException,
    CloudHsmAccessDeniedException,
    CloudHsmClusterInUseException,
    CloudHsmClusterInvalidConfigurationException,
    CloudHsmClusterNotActiveException,
    CloudHsmClusterNotFoundException,
    CloudHsmClusterNotRelatedException,
    CloudHsmInternalFailureException,
    CloudHsmInvalidRequestException,
    CloudHsmResourceLimitExceededException,
    CloudHsmResourceNotFoundException,
    CloudHsmServiceException,
    CloudHsmTagException,
    ConflictException,
    CustomKeyStoreHasCMKsException,
    CustomKeyStoreInvalidStateException,
    CustomKeyStoreNameInUseException,
    CustomKeyStoreNotFoundException,
    DependencyTimeoutException,
    DisabledException,
    DryRunOperationException,
    ExpiredImportTokenException,
    IncompleteSignatureException,
    IncorrectKeyException,
    IncorrectKeyMaterialException,
    IncorrectTrustAnchorException,
    InternalFailure,
    InvalidAliasNameException,
    InvalidArnException,
    InvalidCiphertextException,
    InvalidGrantIdException,
    InvalidGrantTokenException,
    InvalidImportTokenException,
    InvalidKeyUsageException,
    InvalidMarkerException,
    InvalidSignatureException,
    KMSInternalException,
    KMSInvalidMacException,
    KMSInvalidSignatureException,
    KMSInvalidStateException,
    KeyUnavailableException,
    LimitExceededException,
    MalformedPolicyDocumentException,
    MissingAuthenticationTokenException,
    NotFoundException,
    RequestExpired,
    SerializationException,
    ServiceUnavailable,
    TagException,
    ThrottlingException,
    UnknownOperationException,
    UnrecognizedClientException,
    UnsupportedOperationException,
    ValidationException,
    XksKeyAlreadyInUseException,
    XksKeyInvalidConfigurationException,
    XksKeyNotFoundException,
    XksProxyIncorrectAuthenticationCredentialException,
    XksProxyInvalidConfigurationException,
    XksProxyInvalidResponseException,
    XksProxyUriEndpointInUseException,
    XksProxyUriInUseException,
    XksProxyUriUnreachableException,
    XksProxyVpcEndpointServiceInUseException,
    XksProxyVpcEndpointServiceInvalidConfigurationException,
    XksProxyVpcEndpointServiceNotFoundException,
}

impl ErrorKind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AccessDeniedException => "AccessDeniedException",
            Self::AlreadyExistsException => "AlreadyExistsException",
            Self::CloudHsmAccessDeniedException => "CloudHsmAccessDeniedException",
            Self::CloudHsmClusterInUseException => "CloudHsmClusterInUseException",
            Self::CloudHsmClusterInvalidConfigurationException => {
                "CloudHsmClusterInvalidConfigurationException"
            }
            Self::CloudHsmClusterNotActiveException => "CloudHsmClusterNotActiveException",
            Self::CloudHsmClusterNotFoundException => "CloudHsmClusterNotFoundException",
            Self::CloudHsmClusterNotRelatedException => "CloudHsmClusterNotRelatedException",
            Self::CloudHsmInternalFailureException => "CloudHsmInternalFailureException",
            Self::CloudHsmInvalidRequestException => "CloudHsmInvalidRequestException",
            Self::CloudHsmResourceLimitExceededException => {
                "CloudHsmResourceLimitExceededException"
            }
            Self::CloudHsmResourceNotFoundException => "CloudHsmResourceNotFoundException",
            Self::CloudHsmServiceException => "CloudHsmServiceException",
            Self::CloudHsmTagException => "CloudHsmTagException",
            Self::ConflictException => "ConflictException",
            Self::CustomKeyStoreHasCMKsException => "CustomKeyStoreHasCMKsException",
            Self::CustomKeyStoreInvalidStateException => "CustomKeyStoreInvalidStateException",
            Self::CustomKeyStoreNameInUseException => "CustomKeyStoreNameInUseException",
            Self::CustomKeyStoreNotFoundException => "CustomKeyStoreNotFoundException",
            Self::DependencyTimeoutException => "DependencyTimeoutException",
            Self::DisabledException => "DisabledException",
            Self::DryRunOperationException => "DryRunOperationException",
            Self::ExpiredImportTokenException => "ExpiredImportTokenException",
            Self::IncompleteSignatureException => "IncompleteSignatureException",
            Self::IncorrectKeyException => "IncorrectKeyException",
            Self::IncorrectKeyMaterialException => "IncorrectKeyMaterialException",
            Self::IncorrectTrustAnchorException => "IncorrectTrustAnchorException",
            Self::InternalFailure => "InternalFailure",
            Self::InvalidAliasNameException => "InvalidAliasNameException",
            Self::InvalidArnException => "InvalidArnException",
            Self::InvalidCiphertextException => "InvalidCiphertextException",
            Self::InvalidGrantIdException => "InvalidGrantIdException",
            Self::InvalidGrantTokenException => "InvalidGrantTokenException",
            Self::InvalidImportTokenException => "InvalidImportTokenException",
            Self::InvalidKeyUsageException => "InvalidKeyUsageException",
            Self::InvalidMarkerException => "InvalidMarkerException",
            Self::InvalidSignatureException => "InvalidSignatureException",
            Self::KMSInternalException => "KMSInternalException",
            Self::KMSInvalidMacException => "KMSInvalidMacException",
            Self::KMSInvalidSignatureException => "KMSInvalidSignatureException",
            Self::KMSInvalidStateException => "KMSInvalidStateException",
            Self::KeyUnavailableException => "KeyUnavailableException",
            Self::LimitExceededException => "LimitExceededException",
            Self::MalformedPolicyDocumentException => "MalformedPolicyDocumentException",
            Self::MissingAuthenticationTokenException => "MissingAuthenticationTokenException",
            Self::NotFoundException => "NotFoundException",
            Self::RequestExpired => "RequestExpired",
            Self::SerializationException => "SerializationException",
            Self::ServiceUnavailable => "ServiceUnavailable",
            Self::TagException => "TagException",
            Self::ThrottlingException => "ThrottlingException",
            Self::UnknownOperationException => "UnknownOperationException",
            Self::UnrecognizedClientException => "UnrecognizedClientException",
            Self::UnsupportedOperationException => "UnsupportedOperationException",
            Self::ValidationException => "ValidationException",
            Self::XksKeyAlreadyInUseException => "XksKeyAlreadyInUseException",
            Self::XksKeyInvalidConfigurationException => "XksKeyInvalidConfigurationException",
            Self::XksKeyNotFoundException => "XksKeyNotFoundException",
            Self::XksProxyIncorrectAuthenticationCredentialException => {
                "XksProxyIncorrectAuthenticationCredentialException"
            }
            Self::XksProxyInvalidConfigurationException => "XksProxyInvalidConfigurationException",
            Self::XksProxyInvalidResponseException => "XksProxyInvalidResponseException",
            Self::XksProxyUriEndpointInUseException => "XksProxyUriEndpointInUseException",
            Self::XksProxyUriInUseException => "XksProxyUriInUseException",
            Self::XksProxyUriUnreachableException => "XksProxyUriUnreachableException",
            Self::XksProxyVpcEndpointServiceInUseException => {
                "XksProxyVpcEndpointServiceInUseException"
            }
            Self::XksProxyVpcEndpointServiceInvalidConfigurationException => {
                "XksProxyVpcEndpointServiceInvalidConfigurationException"
            }
            Self::XksProxyVpcEndpointServiceNotFoundException => {
                "XksProxyVpcEndpointServiceNotFoundException"
            }
        }
    }

    /// The service's fault, not the caller's.
    pub(crate) const fn is_fault(self) -> bool {
        self.status() >= 500
    }

    /// The HTTP status that it comes with.
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::CloudHsmInternalFailureException
            | Self::DependencyTimeoutException
            | Self::InternalFailure
            | Self::KMSInternalException
            | Self::KeyUnavailableException => 500,
            Self::ServiceUnavailable => 503,
            _ => 400,
        }
    }
}

//! Why a certificate is not accepted, in sentences that say what to do about it.
use std::fmt;

/// Why a certificate, chain or signing request is not accepted. `subject` is its common name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateError {
    /// Not a PEM or DER structure of the kind that is needed.
    Malformed(String),
    /// Its last day is over.
    Expired {
        /// Whose certificate.
        subject: String,
        /// Its last moment.
        not_after: String,
    },
    /// Its first day is to come.
    NotYetValid {
        /// Whose certificate.
        subject: String,
        /// Its first moment.
        not_before: String,
    },
    /// No trusted certificate has the issuer's name.
    UntrustedIssuer {
        /// Whose certificate.
        subject: String,
        /// The issuer that it names.
        issuer: String,
    },
    /// The issuer's name is right, and the signature is not.
    BadSignature {
        /// Whose certificate.
        subject: String,
        /// The issuer that it names.
        issuer: String,
    },
    /// An RSA key of less than 2,048 bits.
    WeakKey {
        /// Whose certificate.
        subject: String,
        /// The length of its key.
        bits: usize,
    },
    /// A certificate that signed another, and is not a CA's.
    NotCa {
        /// Whose certificate.
        subject: String,
        /// What is missing.
        why: &'static str,
    },
    /// A CA that allows fewer CAs below it than there are.
    PathLength {
        /// Whose certificate.
        subject: String,
        /// How many it allows.
        most: u8,
    },
    /// A key or signature of a kind that is not known here.
    Unsupported {
        /// Whose certificate.
        subject: String,
        /// What is not known.
        what: &'static str,
    },
    /// A critical extension that is not known here: who does not know it must refuse (RFC 5280).
    CriticalExtension {
        /// Whose certificate.
        subject: String,
        /// Its name and number.
        extension: String,
    },
    /// It contradicts itself, or a part of it cannot be read.
    Damaged {
        /// Whose certificate.
        subject: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A chain of more certificates than are read.
    TooLong,
    /// A chain without a certificate.
    Empty,
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(what) => f.write_str(what),
            Self::Expired { subject, not_after } => write!(
                f,
                "the certificate of \"{subject}\" expired at {not_after}: have a new one made \
                 (if it did not, check this machine's clock)"
            ),
            Self::NotYetValid { subject, not_before } => write!(
                f,
                "the certificate of \"{subject}\" is not valid before {not_before}: check this \
                 machine's clock"
            ),
            Self::UntrustedIssuer { subject, issuer } => write!(
                f,
                "the certificate of \"{subject}\" was issued by \"{issuer}\", which is not \
                 trusted: \
                 use the CA certificate of this cluster (customerCA.crt)"
            ),
            Self::BadSignature { subject, issuer } => write!(
                f,
                "the certificate of \"{subject}\" names \"{issuer}\" as its issuer, but was \
                 changed, or another key signed it: there may be a second CA of that name, so use \
                 the CA certificate of this cluster (customerCA.crt)"
            ),
            Self::WeakKey { subject, bits } => {
                write!(f, "the RSA key of \"{subject}\" has {bits} bits: make one of at least 2048")
            }
            Self::NotCa { subject, why } => write!(
                f,
                "\"{subject}\" is not a certificate authority ({why}): sign with a CA's certificate"
            ),
            Self::Unsupported { subject, what } => write!(
                f,
                "the certificate of \"{subject}\" has {what}: use RSA of 2048 bits or more, or \
                 P-256, P-384 or P-521, with SHA-256, SHA-384 or SHA-512"
            ),
            Self::PathLength { subject, most } => write!(
                f,
                "\"{subject}\" allows {most} CAs below it (path length), and there are more: leave \
                 one out, or have it issued with a greater path length"
            ),
            Self::CriticalExtension { subject, extension } => write!(
                f,
                "the certificate of \"{subject}\" has a critical extension that is not supported, \
                 {extension}: have it issued without that extension, or with it not critical"
            ),
            Self::Damaged { subject, what } => write!(
                f,
                "the certificate of \"{subject}\" is damaged ({what}): have a new one made"
            ),
            Self::TooLong => {
                write!(
                    f,
                    "the chain has more than {} certificates: leave some out",
                    crate::CHAIN_MAX
                )
            }
            Self::Empty => f.write_str("there is no certificate: give at least one"),
        }
    }
}

impl std::error::Error for CertificateError {}

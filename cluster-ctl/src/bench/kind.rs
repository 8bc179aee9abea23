//! The kinds of keys that can be measured, and the requests that make them.
use clap::ValueEnum;
use proto::command::key::{
    GenerateEcKeyPair, GenerateKey, GenerateRsaKeyPair, KeyGenerated, KeyPairGenerated,
};
use proto::{Blob, Command, Curve, KeyType};

/// Which keys to make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    #[default]
    Aes256,
    EcP256,
    EcP384,
    Rsa2048,
}

impl Kind {
    /// The name on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Aes256 => "aes256",
            Self::EcP256 => "ec-p256",
            Self::EcP384 => "ec-p384",
            Self::Rsa2048 => "rsa2048",
        }
    }

    /// What people call them.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Aes256 => "AES-256 keys",
            Self::EcP256 => "EC P-256 key pairs",
            Self::EcP384 => "EC P-384 key pairs",
            Self::Rsa2048 => "RSA-2048 key pairs",
        }
    }

    /// Keys under way on a connection: enough to keep an HSM busy. An RSA pair takes a tenth of a
    /// second: one is made, and the next waits.
    pub(super) fn depth(self) -> usize {
        match self {
            Self::Aes256 | Self::EcP256 | Self::EcP384 => 256,
            Self::Rsa2048 => 2,
        }
    }
}

/// A request that makes a key or a key pair.
pub(super) trait Make:
    Command<Reply: Send + 'static> + Send + Sync + Unpin + 'static
{
    /// One handle, or two.
    type Handles: AsRef<[u64]> + Copy + Send + Unpin + 'static;
    /// The handles in a reply.
    fn handles(reply: &Self::Reply) -> Self::Handles;
    /// Where the retry token is.
    fn retry(&mut self) -> &mut Option<Blob>;
}

impl Make for GenerateKey {
    type Handles = [u64; 1];
    fn handles(reply: &KeyGenerated) -> [u64; 1] {
        [reply.handle]
    }
    fn retry(&mut self) -> &mut Option<Blob> {
        &mut self.retry
    }
}

impl Make for GenerateEcKeyPair {
    type Handles = [u64; 2];
    fn handles(reply: &KeyPairGenerated) -> [u64; 2] {
        [reply.public, reply.private]
    }
    fn retry(&mut self) -> &mut Option<Blob> {
        &mut self.retry
    }
}

impl Make for GenerateRsaKeyPair {
    type Handles = [u64; 2];
    fn handles(reply: &KeyPairGenerated) -> [u64; 2] {
        [reply.public, reply.private]
    }
    fn retry(&mut self) -> &mut Option<Blob> {
        &mut self.retry
    }
}

/// Token keys bear a retry token, as hsm_client gives them one; the driver fills it in.
fn retry(token: bool) -> Option<Blob> {
    token.then(|| Blob(vec![0; 16]))
}

pub(super) fn aes256(token: bool, label: &str) -> GenerateKey {
    GenerateKey {
        key_type: KeyType::Aes,
        bytes: 32,
        label: label.to_owned(),
        token,
        attributes: Vec::new(),
        retry: retry(token),
    }
}

pub(super) fn ec(curve: Curve, token: bool, label: &str) -> GenerateEcKeyPair {
    GenerateEcKeyPair {
        curve,
        public_label: label.to_owned(),
        private_label: label.to_owned(),
        token,
        public_attributes: Vec::new(),
        private_attributes: Vec::new(),
        retry: retry(token),
    }
}

pub(super) fn rsa2048(token: bool, label: &str) -> GenerateRsaKeyPair {
    GenerateRsaKeyPair {
        modulus_bits: 2048,
        public_exponent: 65_537,
        public_label: label.to_owned(),
        private_label: label.to_owned(),
        token,
        public_attributes: Vec::new(),
        private_attributes: Vec::new(),
        retry: retry(token),
    }
}

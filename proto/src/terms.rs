//! The field's own words that are one of a few: roles, key types, curves, hashes, node states.
use crate::fault::{Fault, Refusal};
use crate::message::{Value, sure};
use crate::wire::{Reader, Writer};

/// Declares an enumeration with its number on the wire and its name in text.
macro_rules! terms {
    ($($(#[doc = $says:literal])+ $name:ident as $kind:literal {
        $($variant:ident = $code:literal $text:literal),* $(,)?
    })*) => {$(
        $(#[doc = $says])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs)]
        pub enum $name { $($variant = $code),* }

        impl $name {
            /// All of them, in the order of their codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The number on the wire.
            pub const fn code(self) -> u64 {
                self as u64
            }

            /// The one with this number.
            pub fn from_code(code: u64) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }

            /// The name that people use.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// The one with this name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.name() == name)
            }
        }

        impl Value for $name {
            const KIND: &'static str = $kind;
            fn encode(&self, out: &mut Writer<'_>) { sure(out.u64(self.code())); }
            fn decode(from: &mut Reader<'_>) -> Result<Self, Refusal> {
                Self::from_code(from.u64()?)
                    .ok_or_else(|| Fault::Malformed.with(concat!("an unknown ", $kind)))
            }
            fn read(word: &str) -> Option<Self> { Self::named(word) }
            fn write(&self) -> String { self.name().to_owned() }
        }
    )*};
}

terms! {
    /// What a user is. Numbers as in CloudHSM's audit log ("User Type : CN_CRYPTO_USER (1)").
    Role as "role" {
        Cu = 1 "CU",
        Co = 2 "CO",
        Au = 5 "AU",
        Preco = 6 "PRECO",
    }

    /// OBJ_ATTR_CLASS (user guide, key attribute table).
    KeyClass as "class" {
        PublicKey = 2 "public-key",
        PrivateKey = 3 "private-key",
        SecretKey = 4 "secret-key",
    }

    /// OBJ_ATTR_KEY_TYPE (user guide, key attribute table).
    KeyType as "key type" {
        Rsa = 0 "rsa",
        Ec = 3 "ec",
        GenericSecret = 16 "generic-secret",
        Aes = 31 "aes",
    }

    /// An elliptic curve. Numbers as in `genECCKeyPair -i`; names as CloudHSM CLI prints them.
    Curve as "curve" {
        P256 = 2 "secp256r1",
        P384 = 14 "secp384r1",
        P521 = 15 "secp521r1",
        Secp256k1 = 16 "secp256k1",
    }

    /// A hash function, with the number of its PKCS#11 mechanism (CKM_SHA256 and so on).
    Hash as "hash" {
        Sha1 = 0x220 "sha1",
        Sha256 = 0x250 "sha256",
        Sha224 = 0x255 "sha224",
        Sha384 = 0x260 "sha384",
        Sha512 = 0x270 "sha512",
    }

    /// How far a node has come: before InitializeCluster, before activation, in service.
    NodeState as "state" {
        Uninitialized = 0 "UNINITIALIZED",
        Initialized = 1 "INITIALIZED",
        Active = 2 "ACTIVE",
    }
}

impl Role {
    /// The user type as the audit log names it (user guide, "Interpreting HSM audit logs").
    pub const fn audit_name(self) -> &'static str {
        match self {
            Self::Cu => "CN_CRYPTO_USER",
            Self::Co => "CN_CRYPTO_OFFICER",
            Self::Au => "CN_APPLIANCE_USER",
            Self::Preco => "CN_CRYPTO_PRE_OFFICER",
        }
    }

    /// The role as CloudHSM CLI names it.
    pub const fn cli_name(self) -> &'static str {
        match self {
            Self::Cu => "crypto-user",
            Self::Co => "admin",
            Self::Au => "internal(APPLIANCE_USER)",
            Self::Preco => "unactivated-admin",
        }
    }
}

impl Hash {
    /// The bytes of a digest; none is empty.
    #[allow(clippy::len_without_is_empty)]
    pub const fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

impl Curve {
    /// The bytes of a coordinate, and of the private scalar.
    pub const fn coordinate_len(self) -> usize {
        match self {
            Self::P256 | Self::Secp256k1 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

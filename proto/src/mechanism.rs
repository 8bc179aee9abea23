//! Every mechanism, one row each: its PKCS#11 number, its CloudHSM CLI name, and what it may do.
use crate::fault::{Fault, Refusal};
use crate::message::{Value, sure};
use crate::terms::KeyType;
use crate::wire::{Reader, Writer};

/// What a key is used for; each needs the attribute of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Use {
    Sign,
    Verify,
    Encrypt,
    Decrypt,
    Wrap,
    Unwrap,
}

macro_rules! mechanisms {
    ($($code:literal $name:ident $text:literal [$($key:ident)*] [$($use:ident)*];)*) => {
        /// A mechanism. The hash, where there is one, is a field of its own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs)]
        pub enum Mechanism { $($name),* }

        impl Mechanism {
            /// All rows.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The number on the wire: PKCS#11's, or CloudHSM's vendor number.
            pub const fn code(self) -> u64 { match self { $(Self::$name => $code),* } }

            /// The name that people use.
            pub const fn name(self) -> &'static str { match self { $(Self::$name => $text),* } }

            /// The key types that it takes.
            pub const fn key_types(self) -> &'static [KeyType] {
                match self { $(Self::$name => &[$(KeyType::$key),*]),* }
            }

            /// The uses that it serves.
            pub const fn uses(self) -> &'static [Use] {
                match self { $(Self::$name => &[$(Use::$use),*]),* }
            }
        }
    };
}

mechanisms! {
    // code  name  text  key types  uses
    0x1041  Ecdsa  "ecdsa"  [Ec]  [Sign Verify];
    0x0001  RsaPkcs  "rsa-pkcs"  [Rsa]  [Sign Verify];
    0x000d  RsaPkcsPss  "rsa-pkcs-pss"  [Rsa]  [Sign Verify];
    0x0221  Hmac  "hmac"  [GenericSecret Aes]  [Sign Verify];
    0x1087  AesGcm  "aes-gcm"  [Aes]  [Encrypt Decrypt Wrap Unwrap];
    0x1082  AesCbc  "aes-cbc"  [Aes]  [Encrypt Decrypt];
    0x1085  AesCbcPad  "aes-cbc-pad"  [Aes]  [Encrypt Decrypt];
    0x80002109  AesKeyWrapNoPad  "aes-no-pad"  [Aes]  [Wrap Unwrap];
    0x8000210a  AesKeyWrapPkcs5Pad  "aes-pkcs5-pad"  [Aes]  [Wrap Unwrap];
    0x8000216f  AesKeyWrapZeroPad  "aes-zero-pad"  [Aes]  [Wrap Unwrap];
    0x0009  RsaOaep  "rsa-oaep"  [Rsa]  [Wrap Unwrap];
}

impl Mechanism {
    /// The row with this number.
    pub fn from_code(code: u64) -> Option<Self> {
        Self::ALL.iter().copied().find(|m| m.code() == code)
    }

    /// The row with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|m| m.name() == name)
    }
}

impl Value for Mechanism {
    const KIND: &'static str = "mechanism";
    fn encode(&self, out: &mut Writer<'_>) {
        sure(out.u64(self.code()));
    }
    fn decode(from: &mut Reader<'_>) -> Result<Self, Refusal> {
        Self::from_code(from.u64()?).ok_or_else(|| Fault::Malformed.with("an unknown mechanism"))
    }
    fn read(word: &str) -> Option<Self> {
        Self::named(word)
    }
    fn write(&self) -> String {
        self.name().to_owned()
    }
}

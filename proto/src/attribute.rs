//! Every attribute of a key, one row each: number, names, kind, and how it may change.
use crate::fault::{Fault, Refusal};
use crate::message::{Blob, Value, sure};
use crate::wire::{Reader, Writer};
use minicbor::data::Type;

/// How an attribute may be set (user guide, "KMS key attributes" table of CloudHSM CLI).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// At creation and later.
    Free,
    /// At creation; later only from false to true.
    OnlyUp,
    /// At creation; later only from true to false.
    OnlyDown,
    /// At creation only.
    AtCreation,
    /// By a CO only, and never at creation.
    ByCo,
    /// By the HSM alone.
    Never,
}

/// What kind of value an attribute has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Flag,
    Number,
    Text,
    Bytes,
}

macro_rules! attributes {
    ($($code:literal $name:ident $text:literal $obj:literal $kind:ident $change:ident;)*) => {
        /// An attribute of a key. Numbers are those of OBJ_ATTR_* and CKA_*.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs)]
        #[repr(u32)]
        pub enum Attribute { $($name = $code),* }

        impl Attribute {
            /// All rows, in the order in which CloudHSM CLI prints them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The number on the wire.
            pub const fn code(self) -> u32 { self as u32 }

            /// The name in CloudHSM CLI.
            pub const fn name(self) -> &'static str { match self { $(Self::$name => $text),* } }

            /// The name in cloudhsm_mgmt_util; empty where it has none.
            pub const fn object_name(self) -> &'static str {
                match self { $(Self::$name => $obj),* }
            }

            /// What kind of value it has.
            pub const fn kind(self) -> Kind { match self { $(Self::$name => Kind::$kind),* } }

            /// How it may change.
            pub const fn change(self) -> Change {
                match self { $(Self::$name => Change::$change),* }
            }
        }
    };
}

attributes! {
    // code       name               CLI                   OBJ_ATTR_…            kind    change
    256           KeyType            "key-type"            "KEY_TYPE"            Number  Never;
    3             Label              "label"               "LABEL"               Text    Free;
    258           Id                 "id"                  "ID"                  Bytes   Free;
    371           CheckValue         "check-value"         "KCV"                 Bytes   Never;
    0             Class              "class"               "CLASS"               Number  Never;
    260           Encrypt            "encrypt"             "ENCRYPT"             Flag    Free;
    261           Decrypt            "decrypt"             "DECRYPT"             Flag    Free;
    1             Token              "token"               "TOKEN"               Flag    OnlyUp;
    357           AlwaysSensitive    "always-sensitive"    "ALWAYS_SENSITIVE"    Flag    Never;
    268           Derive             "derive"              "DERIVE"              Flag    Free;
    370           Destroyable        "destroyable"         "DESTROYABLE"         Flag    Free;
    354           Extractable        "extractable"         "EXTRACTABLE"         Flag    AtCreation;
    355           Local              "local"               "LOCAL"               Flag    Never;
    368           Modifiable         "modifiable"          ""                    Flag    OnlyDown;
    356           NeverExtractable   "never-extractable"   "NEVER_EXTRACTABLE"   Flag    Never;
    2             Private            "private"             "PRIVATE"             Flag    AtCreation;
    259           Sensitive          "sensitive"           "SENSITIVE"           Flag    AtCreation;
    264           Sign               "sign"                "SIGN"                Flag    Free;
    134           Trusted            "trusted"             "TRUSTED"             Flag    ByCo;
    263           Unwrap             "unwrap"              "UNWRAP"              Flag    Free;
    266           Verify             "verify"              "VERIFY"              Flag    Free;
    262           Wrap               "wrap"                "WRAP"                Flag    Free;
    528           WrapWithTrusted    "wrap-with-trusted"   "WRAP_WITH_TRUSTED"   Flag    OnlyUp;
    353           ValueLen           "key-length-bytes"    "VALUE_LEN"           Number  Never;
    290           PublicExponent     "public-exponent"     "PUBLIC_EXPONENT"     Bytes   Never;
    288           Modulus            "modulus"             "MODULUS"             Bytes   Never;
    289           ModulusBits        "modulus-size-bits"   "MODULUS_BITS"        Number  Never;
    385           EcPoint            "ec-point"            ""                    Bytes   Never;
    384           Curve              "curve"               ""                    Number  Never;
}

impl Attribute {
    /// The row with this number.
    pub fn from_code(code: u64) -> Option<Self> {
        Self::ALL.iter().copied().find(|a| u64::from(a.code()) == code)
    }

    /// The row with this CloudHSM CLI name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|a| a.name() == name)
    }
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Datum {
    Flag(bool),
    Number(u64),
    Text(String),
    Bytes(Blob),
}

impl Datum {
    /// What kind of value this is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Flag(_) => Kind::Flag,
            Self::Number(_) => Kind::Number,
            Self::Text(_) => Kind::Text,
            Self::Bytes(_) => Kind::Bytes,
        }
    }
}

/// An attribute and its value; the kinds always agree.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct Setting {
    pub attribute: Attribute,
    pub value: Datum,
}

impl Setting {
    /// A flag and its value.
    pub fn flag(attribute: Attribute, value: bool) -> Self {
        Self { attribute, value: Datum::Flag(value) }
    }

    /// An attribute that is a text.
    pub fn text(attribute: Attribute, value: impl Into<String>) -> Self {
        Self { attribute, value: Datum::Text(value.into()) }
    }

    /// An attribute that is a number.
    pub fn number(attribute: Attribute, value: u64) -> Self {
        Self { attribute, value: Datum::Number(value) }
    }

    /// An attribute that is bytes.
    pub fn bytes(attribute: Attribute, value: impl Into<Vec<u8>>) -> Self {
        Self { attribute, value: Datum::Bytes(Blob(value.into())) }
    }
}

/// On the wire: `[number, value]`; as text: `name=value`.
impl Value for Setting {
    const KIND: &'static str = "attribute";

    fn encode(&self, out: &mut Writer<'_>) {
        sure(out.array(2));
        sure(out.u32(self.attribute.code()));
        match &self.value {
            Datum::Flag(v) => v.encode(out),
            Datum::Number(v) => v.encode(out),
            Datum::Text(v) => v.encode(out),
            Datum::Bytes(v) => v.encode(out),
        }
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Refusal> {
        if from.array()? != 2 {
            return Err(Fault::Malformed.with("an attribute is a pair"));
        }
        let attribute = Attribute::from_code(from.u64()?)
            .ok_or_else(|| Fault::Malformed.with("an unknown attribute"))?;
        let value = match from.kind() {
            Some(Type::Bool) => Datum::Flag(from.bool()?),
            Some(Type::String) => Datum::Text(Value::decode(from)?),
            Some(Type::Bytes) => Datum::Bytes(Value::decode(from)?),
            _ => Datum::Number(from.u64()?),
        };
        if value.kind() != attribute.kind() {
            return Err(
                Fault::Malformed.with(format!("{} has another kind of value", attribute.name()))
            );
        }
        Ok(Self { attribute, value })
    }

    fn read(word: &str) -> Option<Self> {
        let (name, value) = word.split_once(':')?;
        let attribute = Attribute::named(name)?;
        let value = match attribute.kind() {
            Kind::Flag => Datum::Flag(Value::read(value)?),
            Kind::Number => Datum::Number(Value::read(value)?),
            Kind::Text => Datum::Text(Value::read(value)?),
            Kind::Bytes => Datum::Bytes(Value::read(value)?),
        };
        Some(Self { attribute, value })
    }

    fn write(&self) -> String {
        let value = match &self.value {
            Datum::Flag(v) => v.write(),
            Datum::Number(v) => v.write(),
            Datum::Text(v) => v.write(),
            Datum::Bytes(v) => v.write(),
        };
        format!("{}:{value}", self.attribute.name())
    }
}

//! One declaration of a message gives its struct, its bytes, its text and its line in the manual.
use crate::fault::{Fault, Refusal};
use crate::wire::{Reader, Writer};
use data_encoding::HEXLOWER_PERMISSIVE as HEX;
use std::fmt;
use zeroize::Zeroizing;

/// A field as the manual shows it.
#[derive(Debug)]
pub struct Field {
    /// Its number on the wire. Even: a reader must know it. Odd: a reader may skip it.
    pub number: u64,
    /// Its name in the text form.
    pub name: &'static str,
    /// Its kind, in words.
    pub kind: &'static str,
    /// Whether it may be left out.
    pub optional: bool,
}

/// A message: a CBOR map by field number, and `name=value name=value` for people.
pub trait Message: Sized {
    /// The fields, in the order of their numbers.
    const FIELDS: &'static [Field];
    /// Writes the CBOR map.
    fn encode(&self, out: &mut Writer<'_>);
    /// Reads the CBOR map, strictly.
    fn decode(from: &mut Reader<'_>) -> Result<Self, Refusal>;
    /// Reads the text form. The error says which word is wrong.
    fn read(words: &str) -> Result<Self, String>;
    /// Writes the text form.
    fn write(&self) -> String;
}

/// A value of one field.
pub trait Value: Sized {
    /// The kind, in words.
    const KIND: &'static str;
    /// Whether the field may be left out.
    const OPTIONAL: bool = false;
    /// The value of a field that is not there; `None` where it must be there.
    fn absent() -> Option<Self> {
        None
    }
    /// Whether the field is written at all.
    fn present(&self) -> bool {
        true
    }
    /// Writes the value as CBOR.
    fn encode(&self, out: &mut Writer<'_>);
    /// Reads the value.
    fn decode(from: &mut Reader<'_>) -> Result<Self, Refusal>;
    /// Reads the text form.
    fn read(word: &str) -> Option<Self>;
    /// Writes the text form.
    fn write(&self) -> String;
}

/// A writer into memory cannot fail: the error type has no values.
#[doc(hidden)]
pub fn sure<T>(result: Result<T, minicbor::encode::Error<std::convert::Infallible>>) {
    debug_assert!(result.is_ok());
}

macro_rules! number {
    ($($t:ty = $kind:literal),*) => {$(impl Value for $t {
        const KIND: &'static str = $kind;
        fn encode(&self, out: &mut Writer<'_>) { sure(out.u64(u64::from(*self))); }
        fn decode(from: &mut Reader<'_>) -> Result<Self, Refusal> {
            Self::try_from(from.u64()?)
                .map_err(|_| Fault::Malformed.with("a number is out of range"))
        }
        fn read(word: &str) -> Option<Self> { word.parse().ok() }
        fn write(&self) -> String { self.to_string() }
    })*};
}
number!(u16 = "u16", u32 = "u32", u64 = "u64");

impl Value for bool {
    const KIND: &'static str = "flag";
    fn encode(&self, out: &mut Writer<'_>) {
        sure(out.bool(*self));
    }
    fn decode(from: &mut Reader<'_>) -> Result<Self, Refusal> {
        from.bool()
    }
    fn read(word: &str) -> Option<Self> {
        word.parse().ok()
    }
    fn write(&self) -> String {
        self.to_string()
    }
}

impl Value for String {
    const KIND: &'static str = "text";
    fn encode(&self, out: &mut Writer<'_>) {
        sure(out.str(self));
    }
    fn decode(from: &mut Reader<'_>) -> Result<Self, Refusal> {
        from.str().map(str::to_owned)
    }
    fn read(word: &str) -> Option<Self> {
        Some(word.to_owned())
    }
    fn write(&self) -> String {
        self.clone()
    }
}

/// Bytes; hex as text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Blob(pub Vec<u8>);

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Value::write(self))
    }
}

impl Value for Blob {
    const KIND: &'static str = "bytes";
    fn encode(&self, out: &mut Writer<'_>) {
        sure(out.bytes(&self.0));
    }
    fn decode(from: &mut Reader<'_>) -> Result<Self, Refusal> {
        Ok(Self(from.bytes()?.to_vec()))
    }
    fn read(word: &str) -> Option<Self> {
        HEX.decode(word.as_bytes()).ok().map(Self)
    }
    fn write(&self) -> String {
        HEX.encode(&self.0)
    }
}

/// Text that no log, trace or transcript may show; wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes over a text that is to be kept secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. Each use is a place to check.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Value for Secret {
    const KIND: &'static str = "secret";
    fn encode(&self, out: &mut Writer<'_>) {
        sure(out.str(&self.0));
    }
    fn decode(from: &mut Reader<'_>) -> Result<Self, Refusal> {
        from.str().map(Self::new)
    }
    fn read(word: &str) -> Option<Self> {
        Some(Self::new(word))
    }
    fn write(&self) -> String {
        "***".to_owned()
    }
}

impl<V: Value> Value for Option<V> {
    const KIND: &'static str = V::KIND;
    const OPTIONAL: bool = true;
    fn absent() -> Option<Self> {
        Some(None)
    }
    fn present(&self) -> bool {
        self.is_some()
    }
    fn encode(&self, out: &mut Writer<'_>) {
        if let Some(value) = self {
            value.encode(out);
        }
    }
    fn decode(from: &mut Reader<'_>) -> Result<Self, Refusal> {
        V::decode(from).map(Some)
    }
    fn read(word: &str) -> Option<Self> {
        V::read(word).map(Some)
    }
    fn write(&self) -> String {
        self.as_ref().map(Value::write).unwrap_or_default()
    }
}

/// A list is left out when it is empty. As text: values joined by commas.
impl<V: Value> Value for Vec<V> {
    const KIND: &'static str = V::KIND;
    const OPTIONAL: bool = true;
    fn absent() -> Option<Self> {
        Some(Vec::new())
    }
    fn present(&self) -> bool {
        !self.is_empty()
    }
    fn encode(&self, out: &mut Writer<'_>) {
        sure(out.array(self.len() as u64));
        for value in self {
            value.encode(out);
        }
    }
    fn decode(from: &mut Reader<'_>) -> Result<Self, Refusal> {
        let n = from.array()?;
        if n == 0 {
            return Err(Fault::Malformed.with("an empty list is written by leaving it out"));
        }
        (0..n).map(|_| V::decode(from)).collect()
    }
    fn read(word: &str) -> Option<Self> {
        word.split(',').map(V::read).collect()
    }
    fn write(&self) -> String {
        self.iter().map(Value::write).collect::<Vec<_>>().join(",")
    }
}

/// The value of a field that a message does not have.
#[doc(hidden)]
pub fn absent<V: Value>(name: &str) -> Result<V, Refusal> {
    V::absent().ok_or_else(|| Fault::Malformed.with(format!("the field {name} is missing")))
}

/// Takes the field `name` out of the words that a person typed.
#[doc(hidden)]
pub fn take<V: Value>(words: &mut Vec<(&str, &str)>, name: &str) -> Result<V, String> {
    match words.iter().position(|(n, _)| *n == name) {
        Some(at) => {
            let (_, word) = words.remove(at);
            V::read(word).ok_or_else(|| format!("bad {name}: {word}"))
        }
        None => V::absent().ok_or_else(|| format!("missing {name}")),
    }
}

/// The field as a person reads it, if it is there.
#[doc(hidden)]
pub fn word<V: Value>(name: &str, value: &V) -> Option<String> {
    value.present().then(|| format!("{name}={}", value.write()))
}

/// Splits `name=value name=value`.
pub fn split_words(words: &str) -> Result<Vec<(&str, &str)>, String> {
    words
        .split_whitespace()
        .map(|w| w.split_once('=').ok_or_else(|| format!("not name=value: {w}")))
        .collect()
}

/// Declares messages: `Name { number field: Kind, ... }`, numbers rising.
#[macro_export]
macro_rules! message {
    ($($(#[doc = $says:literal])+ $name:ident {
        $($number:literal $field:ident : $kind:ty),* $(,)?
    })*) => {$(
        $(#[doc = $says])+
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs)]
        pub struct $name { $(pub $field: $kind),* }

        impl $crate::Message for $name {
            const FIELDS: &'static [$crate::Field] = &[$($crate::Field {
                number: $number,
                name: stringify!($field),
                kind: <$kind as $crate::Value>::KIND,
                optional: <$kind as $crate::Value>::OPTIONAL,
            }),*];

            fn encode(&self, out: &mut $crate::Writer<'_>) {
                let present = 0 $(+ u64::from($crate::Value::present(&self.$field)))*;
                $crate::message::sure(out.map(present));
                $(if $crate::Value::present(&self.$field) {
                    $crate::message::sure(out.u64($number));
                    $crate::Value::encode(&self.$field, out);
                })*
            }

            #[allow(unused_mut, unused_assignments)]
            fn decode(from: &mut $crate::Reader<'_>) -> Result<Self, $crate::Refusal> {
                let entries = from.map()?;
                let mut last = None;
                $(let mut $field: Option<$kind> = None;)*
                for _ in 0..entries {
                    let number = from.u64()?;
                    if last.is_some_and(|last| number <= last) {
                        let why = "fields repeat or are out of order";
                        return Err($crate::Fault::Malformed.with(why));
                    }
                    last = Some(number);
                    match number {
                        $($number => {
                            $field = Some(<$kind as $crate::Value>::decode(from)?);
                        })*
                        n if n % 2 == 1 => from.skip()?,
                        _ => {
                            let why = "an unknown field that must be known";
                            return Err($crate::Fault::Malformed.with(why));
                        }
                    }
                }
                Ok(Self { $($field: match $field {
                    Some(value) => value,
                    None => $crate::message::absent(stringify!($field))?,
                }),* })
            }

            #[allow(unused_mut)]
            fn read(words: &str) -> Result<Self, String> {
                let mut words = $crate::message::split_words(words)?;
                let made = Self {
                    $($field: $crate::message::take(&mut words, stringify!($field))?),*
                };
                match words.first() {
                    Some((name, _)) => Err(format!("unknown {name}")),
                    None => Ok(made),
                }
            }

            fn write(&self) -> String {
                let words: &[Option<String>] =
                    &[$($crate::message::word(stringify!($field), &self.$field)),*];
                words.iter().flatten().cloned().collect::<Vec<_>>().join(" ")
            }
        }

        /// Inside another message: a map in a map; as text, in brackets.
        impl $crate::Value for $name {
            const KIND: &'static str = stringify!($name);
            fn encode(&self, out: &mut $crate::Writer<'_>) { $crate::Message::encode(self, out); }
            fn decode(from: &mut $crate::Reader<'_>) -> Result<Self, $crate::Refusal> {
                $crate::Message::decode(from)
            }
            fn read(word: &str) -> Option<Self> {
                let inner = word.strip_prefix('[')?.strip_suffix(']')?.replace(';', " ");
                $crate::Message::read(&inner).ok()
            }
            fn write(&self) -> String {
                format!("[{}]", $crate::Message::write(self).replace(' ', ";"))
            }
        }
    )*};
}

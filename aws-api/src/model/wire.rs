//! How members stand in JSON: secrets, blobs, points in time, objects; and what is said of JSON
//! that does not fit.
use data_encoding::BASE64;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use zeroize::Zeroizing;

/// AWS's longest name of a member has 39 letters.
const MEMBER_MAX: usize = 64;
const NOT_BASE64: &str = "a blob is not base64";

/// A string that is erased on drop and never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Sensitive(Zeroizing<String>);

/// Bytes that are erased on drop and never shown; base64 in JSON.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Blob(Zeroizing<Vec<u8>>);

/// Seconds since 1970; a number of whole milliseconds in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Deserialize)]
#[serde(transparent)]
pub(crate) struct Timestamp(pub(crate) f64);

impl From<String> for Sensitive {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl Deref for Sensitive {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sensitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Sensitive {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Sensitive {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Text(|text: &str| Ok(Self::from(text.to_owned()))))
    }
}

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl Blob {
    /// The bytes, for what is no secret.
    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        std::mem::take(&mut *self.0)
    }
}

impl Timestamp {
    /// From milliseconds since 1970.
    pub(crate) fn from_ms(ms: i64) -> Self {
        Self(ms as f64 / 1000.0)
    }
}

impl From<Zeroizing<Vec<u8>>> for Blob {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }
}

impl Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Blob {
    /// Piece by piece into the answer: the whole text stands nowhere else.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&BASE64.encode_display(self))
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Text(|text: &str| decoded(text).ok_or(NOT_BASE64)))
    }
}

/// Into a buffer that is erased even if the text proves not to be base64.
fn decoded(text: &str) -> Option<Blob> {
    let mut bytes = Zeroizing::new(vec![0; BASE64.decode_len(text.len()).ok()?]);
    let length = BASE64.decode_mut(text.as_bytes(), &mut bytes).ok()?;
    bytes.truncate(length);
    Some(Blob(bytes))
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64((self.0 * 1000.0).round() / 1000.0)
    }
}

/// Makes a value of a string where it stands, without a copy that nobody would erase.
struct Text<F>(F);

impl<T, F: FnOnce(&str) -> Result<T, &'static str>> Visitor<'_> for Text<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}

/// A structure that is a JSON object. serde by itself would take an array of its members too.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Members(PhantomData))
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// A member that is a structure.
pub(super) fn object<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Ok(Option::<Object<T>>::deserialize(from)?.map(|object| object.0))
}

/// A member that is a list of structures.
pub(super) fn objects<'de, T, D>(from: D) -> Result<Option<Vec<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let list = Option::<Vec<Object<T>>>::deserialize(from)?;
    Ok(list.map(|list| list.into_iter().map(|object| object.0).collect()))
}

/// The member that is not known, where JSON was refused for its sake. Its name is the caller's: it
/// is repeated only if it could be one of AWS's.
pub(super) fn unknown_member(error: &serde_json::Error) -> Option<String> {
    let text = error.is_data().then(|| error.to_string())?;
    let (name, _) = text.strip_prefix("unknown field `")?.split_once('`')?;
    let fits =
        (1..=MEMBER_MAX).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric());
    Some(if fits { format!("The member {name}") } else { "A member of the request".to_owned() })
}

/// Why JSON was not taken, in AWS's words where they are known. serde's own sentence about a wrong
/// type repeats the value, which may be a secret: only what it says of types is used.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if !error.is_data() {
        return text;
    }
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    if text == NOT_BASE64 || text.starts_with("duplicate field `") {
        return text.to_owned();
    }
    let Some((_, found)) = text.split_once("invalid type: ").or(text.split_once("invalid value: "))
    else {
        return "The request cannot be read.".to_owned();
    };
    let wanted = match found.rsplit_once(", expected ").map_or("", |(_, wanted)| wanted) {
        "a string" => "a String",
        "a boolean" => "a Boolean",
        "i32" => "an Integer",
        "f64" => "a Timestamp",
        "a sequence" => "a List",
        _ => "a Structure",
    };
    let found = match found.split([' ', ',']).next().unwrap_or_default() {
        "string" => "STRING_VALUE",
        "integer" | "floating" | "number" => "NUMBER_VALUE",
        "boolean" if found.starts_with("boolean `true`") => "TRUE_VALUE",
        "boolean" => "FALSE_VALUE",
        "sequence" => return "Start of list found where not expected".to_owned(),
        "map" => return "Start of structure or map found where not expected.".to_owned(),
        _ => "NULL_VALUE",
    };
    format!("{found} can not be converted to {wanted}")
}

//! Attributes of keys as CloudHSM CLI writes and reads them: `encrypt=true`, `curve=secp256r1`.
use super::Failure;
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use proto::attribute::Kind;
use proto::{Attribute, Curve, Datum, KeyClass, KeyType, Setting};
use serde_json::{Map, Value, json};

/// The attributes of a key, in CloudHSM CLI's order.
pub(super) fn object(settings: &[Setting]) -> Value {
    let mut object = Map::new();
    for attribute in Attribute::ALL {
        if let Some(setting) = settings.iter().find(|setting| setting.attribute == *attribute) {
            object.insert(attribute.name().to_owned(), value(setting));
        }
    }
    Value::Object(object)
}

/// `0x` and two digits for each byte; nothing for no bytes.
pub(super) fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() { String::new() } else { format!("0x{}", HEXLOWER.encode(bytes)) }
}

fn value(setting: &Setting) -> Value {
    match &setting.value {
        Datum::Flag(flag) => json!(flag),
        Datum::Text(text) => json!(text),
        Datum::Bytes(bytes) => json!(hex(&bytes.0)),
        Datum::Number(number) => match name_of(setting.attribute, *number) {
            Some(name) => json!(name),
            None => json!(number),
        },
    }
}

/// The word for a number that stands for one.
fn name_of(attribute: Attribute, number: u64) -> Option<&'static str> {
    match attribute {
        Attribute::Class => KeyClass::from_code(number).map(KeyClass::name),
        Attribute::KeyType => KeyType::from_code(number).map(KeyType::name),
        Attribute::Curve => Curve::from_code(number).map(Curve::name),
        _ => None,
    }
}

/// Reads `name=value`.
pub(super) fn parse(word: &str) -> Result<Setting, Failure> {
    let (name, value) = word.split_once('=').ok_or_else(|| {
        Failure::Unfit(format!("{word:?} is not name=value, for example encrypt=true"))
    })?;
    setting(name, value)
}

/// Reads an attribute's name and its value.
pub(super) fn setting(name: &str, value: &str) -> Result<Setting, Failure> {
    let attribute = Attribute::named(name).ok_or_else(|| unknown(name))?;
    let value = match attribute.kind() {
        Kind::Flag => match value {
            "true" => Datum::Flag(true),
            "false" => Datum::Flag(false),
            _ => return Err(unfit(name, value, "true or false")),
        },
        Kind::Text => Datum::Text(value.to_owned()),
        Kind::Bytes => {
            let digits = value.strip_prefix("0x").unwrap_or(value);
            let bytes = HEXLOWER_PERMISSIVE.decode(digits.as_bytes());
            Datum::Bytes(proto::Blob(
                bytes.map_err(|_| unfit(name, value, "0x and pairs of hex digits"))?,
            ))
        }
        Kind::Number => Datum::Number(number(attribute, value)?),
    };
    Ok(Setting { attribute, value })
}

fn number(attribute: Attribute, value: &str) -> Result<u64, Failure> {
    let names = |names: Vec<&str>| names.join(", ");
    let (number, expected) = match attribute {
        Attribute::Class => (
            KeyClass::named(value).map(KeyClass::code),
            names(KeyClass::ALL.iter().map(|class| class.name()).collect()),
        ),
        Attribute::KeyType => (
            KeyType::named(value).map(KeyType::code),
            names(KeyType::ALL.iter().map(|key_type| key_type.name()).collect()),
        ),
        Attribute::Curve => (
            Curve::named(if value == "prime256v1" { "secp256r1" } else { value }).map(Curve::code),
            names(Curve::ALL.iter().map(|curve| curve.name()).collect()),
        ),
        _ => (value.parse().ok(), "a number".to_owned()),
    };
    number.ok_or_else(|| unfit(attribute.name(), value, &expected))
}

fn unfit(name: &str, value: &str, expected: &str) -> Failure {
    Failure::Unfit(format!("{value:?} is no value of {name}: expected {expected}"))
}

fn unknown(name: &str) -> Failure {
    let names: Vec<&str> = Attribute::ALL.iter().map(|attribute| attribute.name()).collect();
    Failure::Unfit(format!("there is no attribute {name:?}; there are {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_written() {
        for (word, json) in [
            ("encrypt=true", "true"),
            ("label=a b=c", "\"a b=c\""),
            ("label=", "\"\""),
            ("id=0x0aFF", "\"0x0aff\""),
            ("id=", "\"\""),
            ("class=secret-key", "\"secret-key\""),
            ("key-type=aes", "\"aes\""),
            ("curve=prime256v1", "\"secp256r1\""),
            ("key-length-bytes=32", "32"),
            ("check-value=5a31b4", "\"0x5a31b4\""),
        ] {
            let setting = parse(word).expect(word);
            assert_eq!(value(&setting).to_string(), json, "{word}");
        }
    }

    #[test]
    fn wrong_words_are_named() {
        for (word, says) in [
            ("encrypt", "not name=value"),
            ("encrypt=yes", "true or false"),
            ("id=0xabc", "pairs of hex digits"),
            ("class=secret", "public-key, private-key, secret-key"),
            ("key-type=des3", "rsa, ec, generic-secret, aes"),
            ("key-length-bytes=big", "a number"),
            ("colour=red", "there is no attribute \"colour\""),
        ] {
            let failure = parse(word).expect_err(word).to_string();
            assert!(failure.contains(says), "{word}: {failure}");
        }
    }
}

//! A value held against a shape of one of AWS's service models.
use data_encoding::BASE64;
use regex::Regex;
use serde_json::{Map, Value};

/// Holds a value against a shape.
pub(crate) fn check(model: &Value, at: &str, name: &str, value: &Value, wrong: &mut Vec<String>) {
    let shape = &model["shapes"][name];
    let mut fault = |why: String| wrong.push(format!("{at} ({name}): {why}"));
    match (shape["type"].as_str().unwrap(), value) {
        ("structure", Value::Object(members)) => check_structure(model, at, shape, members, wrong),
        ("list", Value::Array(items)) => {
            // AWS's own examples show an empty TagList, whose least length is for requests.
            if !items.is_empty() {
                bounded(at, shape, items.len() as u64, wrong);
            }
            let of = shape["member"]["shape"].as_str().unwrap();
            for (n, item) in items.iter().enumerate() {
                check(model, &format!("{at}[{n}]"), of, item, wrong);
            }
        }
        ("map", Value::Object(entries)) => {
            let [keys, values] = ["key", "value"].map(|of| shape[of]["shape"].as_str().unwrap());
            for (key, value) in entries {
                check(model, &format!("{at}'s key"), keys, &Value::from(key.as_str()), wrong);
                check(model, &format!("{at}.{key}"), values, value, wrong);
            }
        }
        ("string", Value::String(text)) => check_string(at, shape, text, wrong),
        ("blob", Value::String(text)) => match BASE64.decode(text.as_bytes()) {
            Ok(bytes) => bounded(at, shape, bytes.len() as u64, wrong),
            Err(why) => fault(format!("not base64: {why}")),
        },
        ("integer", Value::Number(number)) => match number.as_u64() {
            Some(number) => bounded(at, shape, number, wrong),
            None => fault(format!("{number} is no integer")),
        },
        ("timestamp", Value::Number(number)) => {
            // Seconds; in milliseconds it would be the year 50,000.
            let seconds = number.as_f64().unwrap();
            if !(1.5e9..1e11).contains(&seconds) {
                fault(format!("{seconds} is not a time of these years"));
            }
        }
        ("boolean", Value::Bool(_)) => {}
        (kind, other) => fault(format!("{other} is no {kind}")),
    }
}

fn check_structure(
    model: &Value,
    at: &str,
    shape: &Value,
    members: &Map<String, Value>,
    wrong: &mut Vec<String>,
) {
    for (name, value) in members {
        match shape["members"][name]["shape"].as_str() {
            Some(of) => check(model, &format!("{at}.{name}"), of, value, wrong),
            None => wrong.push(format!("{at} has {name}, which the model does not know")),
        }
    }
    for name in shape["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !members.contains_key(name) {
            wrong.push(format!("{at} has no {name}"));
        }
    }
}

fn check_string(at: &str, shape: &Value, text: &str, wrong: &mut Vec<String>) {
    bounded(at, shape, text.chars().count() as u64, wrong);
    if let Some(values) = shape["enum"].as_array()
        && !values.iter().any(|value| value == text)
    {
        wrong.push(format!("{at}: {text:?} is not one of {values:?}"));
    }
    if let Some(pattern) = shape["pattern"].as_str() {
        // The model's pattern of VPC ids has one digit, and they have seventeen.
        let pattern = if text.starts_with("vpc-") { "vpc-[0-9a-f]{17}" } else { pattern };
        let whole = Regex::new(&format!("^(?:{pattern})$")).unwrap();
        if !whole.is_match(text) {
            wrong.push(format!("{at}: {text:?} does not match {pattern}"));
        }
    }
}

fn bounded(at: &str, shape: &Value, size: u64, wrong: &mut Vec<String>) {
    let (min, max) = (shape["min"].as_u64(), shape["max"].as_u64());
    if min.is_some_and(|min| size < min) || max.is_some_and(|max| size > max) {
        wrong.push(format!("{at}: {size} is not between {min:?} and {max:?}"));
    }
}

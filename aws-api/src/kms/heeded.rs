//! Every member that a request can have is read by what carries the request out: one that the model
//! brings along and nobody looks at would be dropped without a word.
use serde_json::Value;
use std::path::Path;

/// Members that are left alone on purpose, by operation (`""`: of all).
const LEFT_ALONE: &[(&str, &str)] = &[
    // Grants are not enforced.
    ("", "GrantTokens"),
    // Lists of one entry at most.
    ("ListKeyPolicies", "Limit"),
    ("ListKeyRotations", "Limit"),
];
/// Refused by a macro, whichever request has them.
const EXTERNAL: &str = "not_external!(";

#[test]
fn no_member_of_a_request_is_dropped() {
    let model: Value = serde_json::from_str(include_str!("../../model/kms.json")).unwrap();
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kms"));
    let (mut seen, mut dropped) = (0, Vec::new());
    for (operation, of) in model["operations"].as_object().unwrap() {
        let input = of["input"].as_str().unwrap();
        let code = blocks(&sources, input);
        // What is refused as a whole needs no more than its key.
        let members = model["shapes"][input]["members"].as_object().unwrap();
        for member in members.keys().filter(|_| !code.is_empty()) {
            seen += 1;
            let alone = LEFT_ALONE
                .iter()
                .any(|(of, name)| (of.is_empty() || of == operation) && name == member);
            let refused = member.starts_with("XksProxy") && code.contains(EXTERNAL);
            if !alone && !refused && !is_read(&code, member) {
                dropped.push(format!("{operation}.{member}"));
            }
        }
    }
    assert!(seen > 90, "{seen}: the code is no longer found");
    assert!(dropped.is_empty(), "nobody reads {dropped:?}");
}

fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &sources(&path);
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("refused.rs") {
            text += &std::fs::read_to_string(path).unwrap();
        }
    }
    text
}

/// The `impl` blocks of a request, and of what one request is turned into.
fn blocks(sources: &str, input: &str) -> String {
    let made_into = if input == "CreateCustomKeyStoreRequest" { "Wanted" } else { input };
    let heads = [
        format!("\nimpl Execute for {input} {{"),
        format!("\nimpl {input} {{"),
        format!("\nimpl {made_into} {{"),
    ];
    let block = |head: &String| {
        let (_, behind) = sources.split_once(head.as_str())?;
        behind.split_once("\n}\n").map(|(block, _)| block)
    };
    heads.iter().filter_map(block).collect()
}

fn is_read(code: &str, member: &str) -> bool {
    let mut field = String::from(".");
    for (n, letter) in member.char_indices() {
        if n > 0 && letter.is_ascii_uppercase() {
            field.push('_');
        }
        field.push(letter.to_ascii_lowercase());
    }
    code.match_indices(&field).any(|(at, _)| {
        let behind = code.get(at + field.len()..).unwrap_or_default();
        !behind.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
    })
}

//! The kinds of errors of all services.
use super::model::Model;
use std::collections::BTreeMap;

/// Errors that are in no model, with the HTTP status that they come with.
const COMMON: &[(&str, u16)] = &[
    ("AccessDeniedException", 400),
    ("IncompleteSignatureException", 400),
    ("InternalFailure", 500),
    ("InvalidSignatureException", 400),
    ("MissingAuthenticationTokenException", 400),
    ("RequestExpired", 400),
    ("SerializationException", 400),
    ("ServiceUnavailable", 503),
    ("ThrottlingException", 400),
    ("UnknownOperationException", 400),
    ("UnrecognizedClientException", 400),
    ("ValidationException", 400),
];

pub(super) fn text(models: &[Model]) -> Result<String, String> {
    let mut all: BTreeMap<&str, u16> = COMMON.iter().copied().collect();
    for (name, shape) in models.iter().flat_map(|m| &m.shapes).filter(|(_, s)| s.exception) {
        let status = if shape.fault { 500 } else { 400 };
        if all.insert(name, status).is_some_and(|other| other != status) {
            return Err(format!("{name}: a fault in one place and none in another"));
        }
    }
    let variants: String = all.keys().map(|name| format!("{name},\n")).collect();
    let names: String = all.keys().map(|n| format!("Self::{n} => \"{n}\",\n")).collect();
    let of = |status: u16| -> String {
        let names: Vec<String> = all
            .iter()
            .filter(|(_, s)| **s == status)
            .map(|(name, _)| format!("Self::{name}"))
            .collect();
        names.join(" | ")
    };
    Ok(format!(
        "//! How a request is refused: the models' errors, and those that all services share.\n\
         //!\n//! Made by `cargo xtask codegen`; not edited by hand.\n\
         #![allow(dead_code, reason = \"the whole models, used or not\")]\n\n\
         #[derive(Clone, Copy, Debug, PartialEq, Eq)]\n\
         pub(crate) enum ErrorKind {{\n{variants}}}\n\n\
         impl ErrorKind {{\n\
         pub(crate) const fn name(self) -> &'static str {{\nmatch self {{\n{names}}}\n}}\n\n\
         /// The service's fault, not the caller's.\n\
         pub(crate) const fn is_fault(self) -> bool {{\nself.status() >= 500\n}}\n\n\
         /// The HTTP status that it comes with.\n\
         pub(crate) const fn status(self) -> u16 {{\nmatch self {{\n\
         {} => 500,\n{} => 503,\n_ => 400,\n}}\n}}\n}}\n",
        of(500),
        of(503),
    ))
}

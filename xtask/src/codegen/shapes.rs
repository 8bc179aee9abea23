//! Structures, the rules of their members, and how they are validated.
use super::Service;
use super::model::{Kind, Model, Reach, Shape};
use super::names;
use super::restricting::is_restricting;
use std::collections::BTreeSet;

/// A member whose CloudTrail name is not its own.
const LOGGED_AS: &[(&str, &str)] = &[("CloudHsmClusterId", "clusterId")];
/// Members that CloudTrail leaves out, beside blobs and what is sensitive.
const UNLOGGED: &[&str] = &["TrustAnchorCertificate"];

pub(super) fn text(service: &Service, model: &Model) -> Result<String, String> {
    let Service { title, name, state } = service;
    let Model { botocore, released, .. } = model;
    let mut text = format!(
        "//! The shapes and operations of {title}.\n//!\n\
         //! Made by `cargo xtask codegen` of `aws-api/model/{name}.json`; not edited by hand.\n\
         #![allow(dead_code, unused_imports, reason = \"the whole model, used or not\")]\n\
         use super::constraint::{{ANY, Rule, Validate, Violations}};\n\
         use super::wire::{{Blob, Sensitive, Timestamp, object, objects}};\n\
         use super::{{ErrorKind, Nothing, Operation}};\n\
         use crate::call::Call;\nuse crate::error::ApiError;\n\
         use crate::{name}::{{{state}, run}};\n\
         use serde::{{Deserialize, Serialize}};\nuse std::collections::BTreeMap;\n\n\
         /// Of which botocore the model is.\n\
         const MODEL: &str = \"{botocore} of {released}\";\n\n"
    );
    let reach = model.reach();
    let names: BTreeSet<&String> = reach.inputs.union(&reach.outputs).collect();
    for name in &names {
        let shape = model.shape(name);
        if shape.kind == Kind::Structure {
            text += &structure(model, &reach, name, shape)?;
        }
    }
    for name in &reach.inputs {
        text += &rule(model, name);
    }
    Ok(text)
}

fn structure(model: &Model, reach: &Reach, name: &str, shape: &Shape) -> Result<String, String> {
    let asked = reach.inputs.contains(name);
    let logged = asked && !reach.outputs.contains(name);
    let mut fields = String::new();
    for (member, inner) in shape.members() {
        let attributes = attributes(model, member, inner, asked, logged);
        let field = names::field(member);
        fields += &format!("{attributes}pub(crate) {field}: Option<{}>,\n", rust(model, inner)?);
    }
    let rename = if logged {
        "rename_all(serialize = \"camelCase\", deserialize = \"PascalCase\")"
    } else {
        "rename_all = \"PascalCase\""
    };
    let strict = if asked && is_restricting(model, name) { ", deny_unknown_fields" } else { "" };
    let serde = format!("#[serde({rename}{strict})]\n");
    let rename = if fields.is_empty() { String::new() } else { serde };
    let mut text = format!(
        "#[derive(Clone, Debug, Default, Serialize, Deserialize)]\n{rename}\
         pub(crate) struct {name} {{\n{fields}}}\n\n"
    );
    if asked {
        text += &validate(model, name, shape);
    }
    Ok(text)
}

fn attributes(model: &Model, member: &str, inner: &str, asked: bool, logged: bool) -> String {
    let shape = model.shape(inner);
    let secret = shape.sensitive || shape.kind == Kind::Blob;
    let mut all = Vec::new();
    if names::pascal(&names::snake(member)) != member {
        all.push(format!("rename = \"{member}\""));
    } else if let Some((_, camel)) = LOGGED_AS.iter().find(|(name, _)| logged && *name == member) {
        all.push(format!("rename(serialize = \"{camel}\", deserialize = \"{member}\")"));
    }
    if logged && (secret || UNLOGGED.contains(&member)) {
        all.push("skip_serializing".to_owned());
    } else {
        all.push("skip_serializing_if = \"Option::is_none\"".to_owned());
    }
    let element = shape.member.as_ref().map(|r| model.shape(&r.shape).kind);
    if asked && shape.kind == Kind::Structure {
        all.push("default, deserialize_with = \"object\"".to_owned());
    } else if asked && element == Some(Kind::Structure) {
        all.push("default, deserialize_with = \"objects\"".to_owned());
    }
    format!("#[serde({})]\n", all.join(", "))
}

fn rust(model: &Model, name: &str) -> Result<String, String> {
    let shape = model.shape(name);
    let inner = shape.member.as_ref().or(shape.value.as_ref()).map(|r| r.shape.as_str());
    Ok(match (shape.kind, inner) {
        (Kind::Structure, _) => name.to_owned(),
        (Kind::String, _) if shape.sensitive => "Sensitive".to_owned(),
        (Kind::String, _) => "String".to_owned(),
        (Kind::Blob, _) => "Blob".to_owned(),
        (Kind::Integer, _) => "i32".to_owned(),
        (Kind::Boolean, _) => "bool".to_owned(),
        (Kind::Timestamp, _) => "Timestamp".to_owned(),
        (Kind::List, Some(inner)) => format!("Vec<{}>", rust(model, inner)?),
        (Kind::Map, Some(inner)) => format!("BTreeMap<String, {}>", rust(model, inner)?),
        (Kind::List | Kind::Map, None) => return Err(format!("{name}: of what?")),
    })
}

fn validate(model: &Model, name: &str, shape: &Shape) -> String {
    let mut checks = String::new();
    for (member, inner) in shape.members() {
        let (camel, field) = (names::camel(member), names::field(member));
        let ruled = has_rule(model, inner);
        let rule = if ruled { names::screaming(inner) } else { "ANY".to_owned() };
        let check = match shape.required.contains(member) {
            true => "required",
            false if ruled || holds_structure(model, inner) => "optional",
            false => continue,
        };
        checks += &format!("found.{check}(\"{camel}\", &self.{field}, &{rule});\n");
    }
    let found = if checks.is_empty() { "_" } else { "found" };
    format!(
        "impl Validate for {name} {{\nfn validate(&self, {found}: &mut Violations) {{\n\
         {checks}}}\n}}\n\n"
    )
}

fn holds_structure(model: &Model, name: &str) -> bool {
    let shape = model.shape(name);
    let element = shape.member.as_ref().map(|r| r.shape.as_str());
    shape.kind == Kind::Structure || element.is_some_and(|name| holds_structure(model, name))
}

fn has_rule(model: &Model, name: &str) -> bool {
    let shape = model.shape(name);
    let inner = [&shape.member, &shape.key, &shape.value];
    shape.min.or(shape.max).is_some()
        || shape.pattern.is_some()
        || !shape.values.is_empty()
        || inner.into_iter().flatten().any(|r| has_rule(model, &r.shape))
}

fn rule(model: &Model, name: &str) -> String {
    let shape = model.shape(name);
    if !has_rule(model, name) {
        return String::new();
    }
    let mut text = match &shape.pattern {
        Some(pattern) => format!("Rule::pattern(r#\"{pattern}\"#)"),
        None => "Rule::any()".to_owned(),
    };
    for (call, bound) in [("min", shape.min), ("max", shape.max)] {
        if let Some(bound) = bound {
            text += &format!(".{call}({bound})");
        }
    }
    if !shape.values.is_empty() {
        text += &format!(".values(&{:?})", shape.values);
    }
    let each = shape.member.as_ref().or(shape.value.as_ref());
    for (call, inner) in [("each", each), ("keys", shape.key.as_ref())] {
        if let Some(inner) = inner.filter(|r| has_rule(model, &r.shape)) {
            text += &format!(".{call}(&{})", names::screaming(&inner.shape));
        }
    }
    format!("static {}: Rule = {text};\n", names::screaming(name))
}

//! A service model as it is read, and which shapes travel which way.
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

#[derive(Deserialize)]
pub(super) struct Model {
    /// The version of botocore that it is of.
    pub(super) botocore: String,
    /// The day on which that was built: `2026-11-20`.
    pub(super) released: String,
    pub(super) operations: BTreeMap<String, Operation>,
    pub(super) shapes: BTreeMap<String, Shape>,
}

#[derive(Deserialize)]
pub(super) struct Operation {
    pub(super) input: String,
    pub(super) output: Option<String>,
    pub(super) errors: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Shape {
    #[serde(rename = "type")]
    pub(super) kind: Kind,
    pub(super) min: Option<i64>,
    pub(super) max: Option<i64>,
    pub(super) pattern: Option<String>,
    #[serde(rename = "enum")]
    pub(super) values: Vec<String>,
    pub(super) sensitive: bool,
    pub(super) exception: bool,
    pub(super) fault: bool,
    pub(super) required: BTreeSet<String>,
    /// In the model's order; each is a `Reference`.
    members: serde_json::Map<String, serde_json::Value>,
    pub(super) member: Option<Reference>,
    pub(super) key: Option<Reference>,
    pub(super) value: Option<Reference>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    #[default]
    Structure,
    String,
    Blob,
    Integer,
    Boolean,
    Timestamp,
    List,
    Map,
}

#[derive(Deserialize)]
pub(super) struct Reference {
    pub(super) shape: String,
}

/// The structures of one direction, and of both.
pub(super) struct Reach {
    pub(super) inputs: BTreeSet<String>,
    pub(super) outputs: BTreeSet<String>,
}

impl Model {
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let model: Self =
            serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
        let named = model
            .operations
            .values()
            .flat_map(|o| o.output.iter().chain([&o.input]).chain(&o.errors).map(String::as_str));
        let used = model.shapes.values().flat_map(Shape::references);
        let missing = named.chain(used).find(|name| !model.shapes.contains_key(*name));
        match missing {
            Some(name) => Err(format!("{}: there is no shape {name}", path.display())),
            None => Ok(model),
        }
    }

    /// A shape that is referred to: `read` has seen that each is there.
    pub(super) fn shape(&self, name: &str) -> &Shape {
        &self.shapes[name]
    }

    pub(super) fn reach(&self) -> Reach {
        let mut reach = Reach { inputs: BTreeSet::new(), outputs: BTreeSet::new() };
        for operation in self.operations.values() {
            self.walk(&operation.input, &mut reach.inputs);
            if let Some(output) = &operation.output {
                self.walk(output, &mut reach.outputs);
            }
        }
        reach
    }

    fn walk(&self, name: &str, reached: &mut BTreeSet<String>) {
        if reached.insert(name.to_owned()) {
            self.shape(name).references().for_each(|name| self.walk(name, reached));
        }
    }
}

impl Shape {
    /// Each member's name, and the name of its shape.
    pub(super) fn members(&self) -> impl Iterator<Item = (&str, &str)> {
        self.members.iter().map(|(name, member)| {
            (name.as_str(), member["shape"].as_str().unwrap_or("a member without a shape"))
        })
    }

    fn references(&self) -> impl Iterator<Item = &str> {
        let inner = [&self.member, &self.key, &self.value].into_iter().flatten();
        self.members().map(|(_, shape)| shape).chain(inner.map(|r| r.shape.as_str()))
    }
}

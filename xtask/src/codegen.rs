//! `cargo xtask codegen`: Rust made of AWS's service models, and the check that it is up to date.
use model::Model;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

mod age;
mod errors;
mod model;
mod names;
mod operations;
mod restricting;
mod shapes;

/// A service whose operations are served.
struct Service {
    /// As people call it.
    title: &'static str,
    /// The name of its model, of the generated module, and of the module that carries it out.
    name: &'static str,
    /// The type that carries it out.
    state: &'static str,
}

const SERVICES: &[Service] = &[
    Service { title: "AWS KMS", name: "kms", state: "Kms" },
    Service { title: "AWS CloudHSM", name: "cloudhsmv2", state: "ControlPlane" },
];
const FOLDER: &str = "aws-api/src/model";
const ERRORS: &str = "aws-api/src/model/error_kind.rs";

/// Writes what is generated, or with `check` fails if it is not what is there. Says how old the
/// models are.
pub(crate) fn run(root: &Path, check: bool) -> Result<(), String> {
    let mut models = Vec::new();
    for service in SERVICES {
        let model = Model::read(&root.join(format!("aws-api/model/{}.json", service.name)))?;
        eprintln!("{}", age::told(service, &model)?);
        let text =
            format!("{}{}", shapes::text(service, &model)?, operations::text(service, &model));
        put(root, &output(service), &text, check)?;
        models.push(model);
    }
    put(root, ERRORS, &errors::text(&models)?, check)
}

/// Whether a file is generated: rules of length are not for it.
pub(crate) fn generates(path: &Path) -> bool {
    path == Path::new(ERRORS) || SERVICES.iter().any(|s| path == Path::new(&output(s)))
}

fn output(service: &Service) -> String {
    format!("{FOLDER}/{}.rs", service.name)
}

fn put(root: &Path, path: &str, text: &str, check: bool) -> Result<(), String> {
    let text = format(root, text).map_err(|why| format!("{path}: {why}"))?;
    let file = root.join(path);
    let same = fs::read_to_string(&file).is_ok_and(|there| there == text);
    match (same, check) {
        (true, _) => Ok(()),
        (false, true) => Err(format!("{path}: not up to date: run `cargo xtask codegen`")),
        (false, false) => fs::write(&file, text).map_err(|e| format!("{path}: {e}")),
    }
}

/// As `cargo fmt` would leave it.
fn format(root: &Path, text: &str) -> Result<String, String> {
    let failed = |e: std::io::Error| format!("rustfmt cannot be run: {e}");
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--emit", "stdout", "--config-path"])
        .arg(root.join("rustfmt.toml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = rustfmt.stdin.take() {
        stdin.write_all(text.as_bytes()).map_err(failed)?;
    }
    let done = rustfmt.wait_with_output().map_err(failed)?;
    if !done.status.success() {
        return Err("rustfmt refuses it".to_owned());
    }
    String::from_utf8(done.stdout).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_committed_is_up_to_date() {
        super::run(&crate::root(), true).unwrap_or_else(|why| panic!("{why}"));
    }
}

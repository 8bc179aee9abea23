//! `cargo xtask ci | codegen | tidy | interop`: the checks that a change passes before it lands.
use std::process::{Command, ExitCode};

mod codegen;
mod interop;
mod tidy;

const USAGE: &str = "\
usage: cargo xtask <task>

  ci       fmt, clippy (-D warnings), tests, codegen --check, tidy
  codegen  makes Rust of AWS's service models; with --check, fails if what is there differs
  tidy     the source's own rules: names, lengths, what ARCHITECTURE.md says
  interop  the shipped programs against real ones: openssl, aws-cli, boto3, Node, PostgreSQL, hosts
           in network namespaces; fails when one is missing. With --without-namespaces, those
           hosts are left out
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let task = arguments.next().unwrap_or_default();
    let done = match task.as_str() {
        "ci" => ci(),
        "codegen" => match arguments.next().as_deref() {
            None => codegen::run(&root(), false),
            Some("--check") => codegen::run(&root(), true),
            Some(_) => Err(USAGE.to_owned()),
        },
        "tidy" => tidy::check(&root()),
        "interop" => match arguments.next().as_deref() {
            None => interop::run(&root(), false),
            Some("--without-namespaces") => interop::run(&root(), true),
            Some(_) => Err(USAGE.to_owned()),
        },
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// The repository's root: xtask lives one folder below it.
fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn ci() -> Result<(), String> {
    cargo(&["fmt", "--all", "--check"])?;
    let lint = ["clippy", "--workspace", "--features", "tests/interop", "--all-targets"];
    cargo(&[&lint[..], &["--quiet", "--", "-D", "warnings"]].concat())?;
    cargo(&["test", "--workspace", "--quiet"])?;
    codegen::run(&root(), true)?;
    tidy::check(&root())
}

fn cargo(arguments: &[&str]) -> Result<(), String> {
    eprintln!("xtask: cargo {}", arguments.join(" "));
    let status = Command::new(env!("CARGO")).args(arguments).current_dir(root()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("xtask: cargo {} failed ({status})", arguments.join(" "))),
        Err(error) => Err(format!("xtask: cargo cannot be run: {error}")),
    }
}

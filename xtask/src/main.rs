//! `cargo xtask ci | tidy | interop`: the checks that a change passes before it lands.
use std::process::{Command, ExitCode};

mod interop;
mod tidy;

const USAGE: &str = "\
usage: cargo xtask <task>

  ci       fmt, clippy (-D warnings), tests, tidy
  tidy     the source's own rules: names, lengths, what ARCHITECTURE.md says
  interop  the shipped programs against real ones (openssl); fails when one is missing
";

fn main() -> ExitCode {
    let task = std::env::args().nth(1).unwrap_or_default();
    let done = match task.as_str() {
        "ci" => ci(),
        "tidy" => tidy::check(&root()),
        "interop" => interop::run(&root()),
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
    cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])?;
    cargo(&["test", "--workspace", "--quiet"])?;
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

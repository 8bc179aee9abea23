//! README.md's second screen, as it stands there.
use crate::{PROGRAM, aws, ok};
use std::path::{Path, PathBuf};
use std::process::Command;
use tests::cluster::{Up, run};

/// The README's greeting, which each of its programs encrypts and decrypts.
const GREETING: &str = "hello from an HSM";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The block of this language in the README's section on SDKs.
fn block(language: &str) -> String {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let section = readme.split("\n## ").find(|section| section.starts_with("From aws-cli"));
    let section = section.expect("the section");
    // The first block says what to set, which `aws::command` does.
    let section = section.split_once("AWS_DEFAULT_REGION").expect("what to set").1;
    let block = section.split_once(&format!("```{language}\n")).expect("the block").1;
    block.split_once("```").unwrap().0.to_owned()
}

/// What the program prints, with only what the README says to set.
fn prints(up: &Up, command: &mut Command, program: &str) {
    let said = ok(run(command.current_dir(up.folder()), ""));
    assert!(said.contains(GREETING), "{program}: {said}");
}

#[test]
fn each_program_of_the_readme_encrypts_and_decrypts() {
    let up = Up::start(PROGRAM, &[]);
    let rust = block("rust");
    let node = root().join("target/node/readme.mjs");
    std::fs::write(&node, block("js")).unwrap();
    let aws_cli = block("sh");
    let python = block("python");
    for (name, lines) in [("sh", &aws_cli), ("python", &python), ("rust", &rust)] {
        assert_eq!(lines.lines().count(), 5, "{name}");
    }
    prints(&up, aws::command("bash", &up).args(["-euo", "pipefail", "-c", &aws_cli]), "aws-cli");
    prints(&up, aws::command("python3", &up).args(["-c", &python]), "Python");
    prints(&up, aws::command("node", &up).arg(&node), "Node");

    // The example is compiled with the other tests; the README shows its body.
    let example = root().join("tests/examples/readme.rs");
    let source = std::fs::read_to_string(example).unwrap();
    let body: String = source.lines().map(|line| line.trim_start().to_owned() + "\n").collect();
    assert!(body.contains(&rust), "tests/examples/readme.rs is not what the README says:\n{rust}");
    let mut cargo = Command::new(env!("CARGO"));
    let words = ["build", "--quiet", "--workspace", "--features", "tests/interop", "--example"];
    ok(run(cargo.current_dir(root()).args(words).arg("readme"), ""));
    let built = Path::new(PROGRAM).parent().unwrap().join("examples/readme");
    prints(&up, &mut aws::command(built.to_str().unwrap(), &up), "Rust");
    up.stop();
}

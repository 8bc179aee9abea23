//! The shipped programs against real ones. A program that is missing is a failure, never a skip.
use std::path::Path;
use std::process::Command;

const NAMESPACES: &str = "ip -V && unshare --net true";

/// What a case needs: its name, a command that succeeds where it is there, how to install it.
const PROGRAMS: &[(&str, &str, &str)] = &[
    ("openssl", "openssl version", "apt-get install openssl"),
    (
        "PostgreSQL's server",
        "test -n \"$(ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null)\" || initdb --version",
        "apt-get install postgresql",
    ),
    ("iproute2, and the right to make network namespaces", NAMESPACES, "apt-get install iproute2"),
    ("aws-cli", "aws --version", "pip install awscli"),
    ("boto3", "python3 -c 'import boto3'", "pip install boto3"),
    ("Node", "node --version", "apt-get install nodejs npm"),
    (
        "the AWS SDK for JavaScript",
        "test -d target/node/node_modules/@aws-sdk/client-kms",
        "npm install --prefix target/node @aws-sdk/client-kms",
    ),
];

/// Builds the shipped binaries and runs the cases of `tests/tests/interop`.
/// A builder that may not make network namespaces can leave those cases out, and hears so.
pub(crate) fn run(root: &Path, without_namespaces: bool) -> Result<(), String> {
    let there = |look: &str| {
        let looked = Command::new("sh").args(["-c", look]).current_dir(root).output();
        looked.is_ok_and(|looked| looked.status.success())
    };
    let missing: Vec<_> = PROGRAMS
        .iter()
        .filter(|(_, look, _)| !(without_namespaces && *look == NAMESPACES))
        .filter(|(_, look, _)| !there(look))
        .map(|(name, _, install)| format!("xtask: interop needs {name}: {install}"))
        .collect();
    if !missing.is_empty() {
        return Err(missing.join("\n"));
    }
    // All packages are selected, as in `ci`: their dependencies keep the features that they were
    // compiled with. One case at a time: each starts a cluster of its own.
    let test = ["test", "--workspace", "--features", "tests/interop", "--test", "interop"];
    let mut arguments = [&test[..], &["--", "--test-threads=1"]].concat();
    if without_namespaces {
        eprintln!("xtask: NOT RUN: the cases with hosts in network namespaces");
        arguments.push("--skip=hosts::");
    }
    crate::cargo(&arguments)
}

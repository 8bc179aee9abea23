//! The shipped programs against real ones. A program that is missing is a failure, never a skip.
use std::path::Path;
use std::process::Command;

/// Each program that a case needs, and how to see that it is there.
const PROGRAMS: &[(&str, &str)] = &[("openssl", "version")];

/// Builds the shipped binaries and runs the cases of `tests/interop`.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    for (program, argument) in PROGRAMS {
        let found = Command::new(program).arg(argument).output().is_ok_and(|o| o.status.success());
        if !found {
            return Err(format!(
                "xtask: interop needs {program}: install it (apt-get install {program})"
            ));
        }
    }
    // One at a time: each case starts a cluster of its own.
    crate::cargo(&[
        "test",
        "--package",
        "tests",
        "--features",
        "interop",
        "--test",
        "interop",
        "--",
        "--test-threads=1",
    ])?;
    let _ = root;
    Ok(())
}

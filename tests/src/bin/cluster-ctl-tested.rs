//! The program `cluster-ctl` under a name that Cargo gives to this package's tests.
use std::process::ExitCode;

fn main() -> ExitCode {
    cluster_ctl::main()
}

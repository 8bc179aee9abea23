//! The program `cluster-ctl`.
use std::process::ExitCode;

fn main() -> ExitCode {
    cluster_ctl::main()
}

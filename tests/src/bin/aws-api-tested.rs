//! The program `aws-api` under a name that Cargo gives to this package's tests.
use std::process::ExitCode;

fn main() -> ExitCode {
    aws_api::main()
}

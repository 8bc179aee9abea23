//! The program `aws-api`.
use std::process::ExitCode;

fn main() -> ExitCode {
    aws_api::main()
}

//! One HSM as a process.
use clap::Parser;
use std::process::ExitCode;

/// One simulated HSM: serves its folder's keys over TLS
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    node: hsm_node::Options,
}

fn main() -> ExitCode {
    hsm_node::main(Arguments::parse().node)
}

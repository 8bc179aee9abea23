//! The operator's tool: starts a cluster, and works with a running one.

mod bench;
mod cli;
mod client_cert;
mod configure;
mod endpoint;
mod failure;
mod initialize;
mod mgmt;
mod options;
mod sim;
mod state;
mod up;

pub use failure::Failure;
pub use state::{Credentials, Ready, StateFolder};

use clap::{CommandFactory, Parser};
use options::{Command, Options};
use std::process::ExitCode;

/// Reads the command line and does what it says. Exit status: 0 done, 1 failed, 2 wrong usage.
pub fn main() -> ExitCode {
    let Options { state, command } = Options::parse();
    let done = match command {
        Command::Node(options) => return hsm_node::main(options),
        Command::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Options::command(),
                "cluster-ctl",
                &mut std::io::stdout(),
            );
            Ok(())
        }
        Command::Cli(command) => return cli::main(&command, state),
        Command::Mgmt(options) => return mgmt::main(&options, state),
        Command::Up(options) => block_on(up::run(state, options)),
        Command::Sim(options) => sim::run(state, &options),
        Command::Configure(options) => block_on(configure::run(state, options)),
        Command::Bench(options) => bench::run(state, options),
        Command::ClientCert(options) => client_cert::run(state, &options),
        Command::InitializeCluster(options) => block_on(initialize::run(state, options)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            anstream::eprintln!("{}error:{:#} {failure}", options::WRONG, options::WRONG);
            failure.exit_code()
        }
    }
}

/// Runs a command that talks to HSMs.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    // Two threads: enough for one person's work, and each costs memory.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let done = runtime.block_on(work);
    // What is still running has no more to say.
    runtime.shutdown_background();
    done
}

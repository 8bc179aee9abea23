//! The cloudhsm_mgmt_util shell: its commands, prompts, banners and texts. It talks to each server
//! of the configuration by itself, as the original does, and knows of no cluster.
mod banner;
mod command;
mod console;
mod keys;
mod server;
mod shell;
mod tables;

use crate::cli::{self, Failure};
use clap::Args;
use console::Console;
use hsm_client::ClusterConfig;
use server::Server;
use shell::Shell;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::runtime::Runtime;

/// The cloudhsm_mgmt_util shell.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cluster-ctl mgmt
  printf '%s\\n' 'loginHSM CO admin password' 'createUser CU alice Passw0rd' y quit |
    cluster-ctl mgmt

Commands may be abbreviated: listU is listUsers. `help` lists them. With commands piped in, the
exit status is 1 if one of them has failed; answers (y/n, R/I/A) and passwords are read from the
pipe too.")]
pub(crate) struct Options {
    /// A CloudHSM CLI configuration file, whose servers are taken [default: cloudhsm-cli.cfg in the
    /// state folder]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// For rehearsals: let `-2fa` give kmsuser a second factor, where `up` lets the HSMs take it
    #[arg(long)]
    allow_kmsuser_2fa: bool,
}

/// Connects to the servers of the configuration file and runs the shell until `quit` or the end of
/// the input. The exit status is 1 if a server cannot be reached, or a piped command has failed.
pub(crate) fn main(options: &Options, state: Option<PathBuf>) -> ExitCode {
    let mut console = console::open();
    let interactive = console.is_interactive();
    match run(console.as_mut(), options, state) {
        Ok(failed) if !failed || interactive => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// `Ok(true)`: a command has failed.
fn run(
    console: &mut dyn Console,
    options: &Options,
    state: Option<PathBuf>,
) -> Result<bool, Failure> {
    let config = cli::config(options.config.as_deref(), state)?;
    let runtime = cli::runtime()?;
    console.say("Connecting to the server(s), it may take time");
    console.say("depending on the server(s) load, please wait...\n");
    let Some(servers) = connect(console, &config, &runtime) else {
        console.say("Connection to one of servers failed, exiting...");
        console.say(
            "(start that HSM, or set \"enable\": false for it in the configuration file: users are \
             then not changed on it)",
        );
        return Ok(true);
    };
    for server in &servers {
        console.say(&format!("E2E enabled on {server}"));
    }
    console.say("");
    Ok(Shell::new(console, servers, &runtime, options.allow_kmsuser_2fa).run())
}

/// Connects to all servers. `None`: one of them cannot be reached.
fn connect(
    console: &mut dyn Console,
    config: &ClusterConfig,
    runtime: &Runtime,
) -> Option<Vec<Server>> {
    let mut servers: Vec<Server> = Vec::new();
    for endpoint in &config.servers {
        let (host, port) = (&endpoint.host, endpoint.port);
        let there = format!("server '{host}': hostname '{host}', port {port}");
        console.say(&format!("Connecting to {there}..."));
        let opened = Server::open(servers.len(), endpoint, config);
        match runtime.block_on(opened) {
            Ok(server) => {
                servers.push(server);
                console.say(&format!("Connected to {there}."));
            }
            Err(error) => {
                console.say(&error.to_string());
                return None;
            }
        }
    }
    Some(servers)
}

//! The command line: every subcommand, and what they have in common.
use crate::{bench, cli, client_cert, configure, initialize, mgmt, sim, up};
use anstyle::{AnsiColor, Style};
use clap::builder::styling::Styles;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// How errors stand out on a terminal.
pub(crate) const WRONG: Style = AnsiColor::Red.on_default().bold();
/// How the names of things stand out on a terminal.
pub(crate) const NAME: Style = AnsiColor::Green.on_default().bold();
/// How what needs no attention steps back on a terminal.
pub(crate) const QUIET: Style = Style::new().dimmed();

const STYLES: Styles =
    Styles::styled().header(NAME).usage(NAME).literal(AnsiColor::Cyan.on_default());

const EXAMPLES: &str = "\
Examples:
  cluster-ctl up                        start a cluster of three HSMs, or resume it
  cluster-ctl user list                 see its users
  cluster-ctl mgmt                      manage users as in cloudhsm_mgmt_util
  cluster-ctl sim kill 2                lose an HSM
  cluster-ctl bench keygen --kind ec-p256
  cluster-ctl bench kms --operation create-key
  cluster-ctl completions bash > /etc/bash_completion.d/cluster-ctl";

/// A simulated AWS CloudHSM cluster on this machine: `up` starts it, the rest works with it.
#[derive(Parser)]
#[command(name = "cluster-ctl", version, styles = STYLES, max_term_width = 100)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The cluster's state folder [default: cloudhsm-sim in the user's data folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Start a cluster, or resume it, and stay in the foreground
    Up(up::Options),
    /// Initialize the cluster with a certificate that you signed, as `aws cloudhsmv2
    /// initialize-cluster` does
    InitializeCluster(initialize::Options),
    #[command(flatten)]
    Cli(cli::Command),
    /// Manage users as in cloudhsm_mgmt_util: a shell that talks to each HSM by itself
    Mgmt(mgmt::Options),
    /// Make a client certificate of a customer CA
    ClientCert(client_cert::Options),
    /// Write the configuration of CloudHSM's clients, as AWS's configure tools do
    Configure(configure::Options),
    /// Act on HSMs as faults do: kill, stop, continue, restart
    Sim(sim::Options),
    /// Measure how fast keys are made and used
    Bench(bench::Options),
    /// Print the completions of a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Run one HSM: what `up` starts
    #[command(hide = true)]
    Node(hsm_node::Options),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn refused(words: &str) -> String {
        let words = std::iter::once("cluster-ctl").chain(words.split_whitespace());
        match Options::try_parse_from(words) {
            Ok(_) => panic!("accepted"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        Options::command().debug_assert();
    }

    #[test]
    fn wrong_arguments_are_named() {
        assert!(refused("up --nodes 0").contains("--nodes"));
        assert!(refused("up --nodes 29").contains("28"));
        assert!(refused("up --until done").contains("kmsuser"));
        assert!(refused("sim explode 1").contains("explode"));
        assert!(refused("sim kill").contains("<HSM>"));
    }

    #[test]
    fn the_state_folder_may_stand_before_or_behind_the_command() {
        for words in ["--state /a up", "up --state /a"] {
            let words = std::iter::once("cluster-ctl").chain(words.split_whitespace());
            let options = Options::try_parse_from(words).unwrap();
            assert_eq!(options.state, Some(PathBuf::from("/a")));
        }
    }
}

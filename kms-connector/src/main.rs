//! Connects one key store from the command line, and stays connected until it is told to end.
mod config;

use clap::{Parser, Subcommand};
use config::Config;
use kms_connector::{
    ConnectError, Connected, CredentialStore, Credentials, connect, is_key_store_password,
};
use proto::Secret;
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

/// AWS KMS's side of one CloudHSM key store
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// JSON: store_id, cluster_id, servers, trust_anchor, certificate, key, credentials
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Print JSON, one value a line
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Read kmsuser's password from standard input and keep it, as UpdateCustomKeyStore does
    Password,
    /// Connect, rotating kmsuser's password, and stay connected until SIGINT or SIGTERM
    Connect,
}

/// What ended the command: an error of connecting has a code, and others have not.
enum Failure {
    Connect(ConnectError),
    Other(String),
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Other(message)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let failure = match run(&arguments).await {
        Ok(()) => return ExitCode::SUCCESS,
        Err(failure) => failure,
    };
    let (code, message) = match failure {
        Failure::Connect(error) => (Some(error.code.name()), error.message),
        Failure::Other(message) => (None, message),
    };
    if arguments.json {
        say(&json!({ "state": "FAILED", "connection_error_code": code, "message": message })
            .to_string());
    }
    let code = code.map(|code| format!("{code}: ")).unwrap_or_default();
    eprintln!("kms-connector: {code}{message}");
    ExitCode::FAILURE
}

/// Writes a line. That nobody reads it is no reason to disconnect.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = Config::read(&arguments.config)?;
    let store = config.store()?;
    match arguments.command {
        Command::Password => {
            let mut line = Zeroizing::new(String::with_capacity(4096));
            std::io::stdin().read_line(&mut line).map_err(|e| e.to_string())?;
            let password = line.trim_end_matches(['\r', '\n']);
            if !is_key_store_password(password) {
                let says = "the password must have 7 to 32 letters and digits";
                return Err(Failure::Other(says.to_owned()));
            }
            let credentials = Credentials::new(Secret::new(password));
            store.save(&credentials).await.map_err(|e| e.to_string())?;
        }
        Command::Connect => {
            let mut interrupt = signal(SignalKind::interrupt()).map_err(|e| e.to_string())?;
            let mut terminate = signal(SignalKind::terminate()).map_err(|e| e.to_string())?;
            let connected = connect(config.settings()?, &store).await.map_err(Failure::Connect)?;
            report(arguments.json, &config, &connected);
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            connected.disconnect().await;
            let ended = json!({ "state": "DISCONNECTED" }).to_string();
            say(if arguments.json { &ended } else { "disconnected: kmsuser is logged out" });
        }
    }
    Ok(())
}

fn report(as_json: bool, config: &Config, connected: &Connected) {
    let nodes = connected.nodes();
    if as_json {
        let hsms: Vec<Value> = nodes
            .iter()
            .map(|node| {
                json!({
                    "hsm_id": node.hsm_id,
                    "zone": node.zone,
                    "address": node.endpoint.to_string(),
                    "connected": node.connected,
                    "rotated": connected.rotated().contains(&node.hsm_id),
                })
            })
            .collect();
        let (store_id, cluster_id) = (&config.store_id, &config.cluster_id);
        let state = json!({
            "state": "CONNECTED", "store_id": store_id, "cluster_id": cluster_id, "hsms": hsms,
        });
        return say(&state.to_string());
    }
    say(&format!("{} is connected to {}", config.store_id, config.cluster_id));
    say(&format!("kmsuser's password was rotated on {}", connected.rotated().join(", ")));
    for (hsm_id, why) in connected.missed() {
        say(&format!("not on {hsm_id}: {why}"));
    }
    for node in nodes.iter().filter(|node| node.connected) {
        say(&format!("kmsuser is logged in on {node} in {}", node.zone));
    }
}

//! The program `aws-api` by itself, on a free port.
use crate::postgres;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running endpoint. Dropped, it is killed, as a crash would.
pub struct Alone {
    child: Child,
    /// `http://127.0.0.1:port`
    pub url: String,
}

impl Alone {
    /// Starts one that keeps what it knows in this folder, with more of a configuration.
    pub fn start(program: &str, folder: &Path, more: Value) -> Self {
        let mut config = json!({ "listen": "127.0.0.1:0", "folder": "endpoint", "clusters": [] });
        if let Some(database) = postgres::database_for(folder) {
            config["database"] = database.into();
        }
        for (name, value) in more.as_object().unwrap() {
            config[name] = value.clone();
        }
        let path = folder.join("endpoint.json");
        std::fs::write(&path, config.to_string()).unwrap();
        let mut command = Command::new(program);
        command.arg("--config").arg(&path).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(url.starts_with("http://"), "it has not started: {:?}", child.wait());
        Self { child, url: url.trim().to_owned() }
    }
}

impl Alone {
    /// Its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

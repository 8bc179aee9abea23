//! Drills: a line that somebody says, `----`, and what was answered.
//!
//! - `up ARGUMENTS`, the first line: the cluster that all others are about.
//! - `$ ARGUMENTS`: the operator runs `cluster-ctl`; `admin$ …` as the admin of `up`,
//!   `NAME:PASSWORD$ …` as somebody else. What the lines `< …` below say is typed into it.
//! - `leave TEXT $ ARGUMENTS`: the same, but it is left as soon as it has printed the text. `end`
//!   ends it.
//! - `KMS Operation Member=value …`: a client asks the endpoint. The model says what a value is: a
//!   number, text that becomes base64, `a,b` for a list, `name:value` for a map. `@file` is the
//!   content of a file of the state folder; `@stranger.crt` is another CA's certificate. Behind a
//!   ` | ` stand the members of the answer that are worth showing, if not all.
//! - `meanwhile N: KMS …`: several clients say it again and again, N times together and for as long
//!   as until `afterwards`, which tells every different answer that they had. A quarter of N is
//!   answered before the next line.
//! - `trail EVENT`: the last such event of CloudTrail, without what is in all of them. It comes a
//!   moment after the answer.
//! - `POST /_sim/…`: what no AWS has.
//! - `until TEXT: LINE`: says it again and again until the answer has the text.
//!
//! What is new with each run has a name: `$cluster`, `$hsm1`, `$admin` (the password), `$store`,
//! `$key`, `$blob`; the second one is `$store2`. It can be said by that name.
use crate::cluster::{Up, run, text};
use crate::kms::{Kms, Refusal};
use crate::model;
use data_encoding::BASE64;
use regex::Regex;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long `until` and `leave` wait: far longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(120);
const TICK: Duration = Duration::from_millis(50);
/// Clients of `meanwhile`.
const CLIENTS: usize = 4;

/// What else differs from run to run, and how it is shown.
const FRESH: &[(&str, &str)] = &[
    (r#"("\w+Date": )[0-9.]+"#, "${1}$$date"),
    (r"0x[0-9a-f]{128}", "$$id"),
    (r"0x[0-9a-f]{16}", "$$reference"),
    (r#"("check-value": )"0x[0-9a-f]{6}""#, "${1}$$check"),
    (r"\b[0-9a-f]{64}\b", "$$backing"),
    (r"\w{3} \d+, \d{4}, [0-9:]+ [AP]M", "$$date"),
    (r"port [0-9]+", "port $$port"),
];
/// Members of CloudTrail events that are shown.
const SHOWN: &[&str] = &[
    "eventName",
    "eventType",
    "errorCode",
    "errorMessage",
    "requestParameters",
    "responseElements",
    "additionalEventData",
];

/// The scripts of all drills.
pub fn all() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/drills");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Holds a drill and writes it down anew, answers as they were given.
pub fn hold(script: &str, program: &str) -> String {
    let mut stage = None;
    let mut out = String::new();
    for block in script.split("\n\n").map(str::trim).filter(|block| !block.is_empty()) {
        let asked = block.split("\n----").next().unwrap();
        out += asked;
        let mut lines = asked.lines().filter(|line| !line.starts_with('#'));
        if let Some(line) = lines.next() {
            let typed: Vec<_> = lines.map(|line| line.strip_prefix("< ").unwrap()).collect();
            let said = match (line.strip_prefix("up "), &mut stage) {
                (Some(arguments), None) => {
                    stage = Some(Stage::up(program, arguments));
                    String::new()
                }
                (_, Some(stage)) => stage.say(line, &typed),
                (None, None) => panic!("a drill begins with `up`: {line}"),
            };
            out += &format!("\n----\n{said}");
        }
        out = out.trim_end().to_owned() + "\n\n";
    }
    stage.unwrap().up.stop();
    out.trim_end().to_owned() + "\n"
}

struct Stage {
    up: Up,
    program: PathBuf,
    kms: Option<Kms>,
    left: Option<Child>,
    meanwhile: Option<Meanwhile>,
    /// Value and name, the longest name first.
    names: Vec<(String, String)>,
}

/// Clients that ask while other lines are said.
struct Meanwhile {
    calls: usize,
    said: Arc<Mutex<BTreeSet<String>>>,
    enough: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Stage {
    fn up(program: &str, arguments: &str) -> Self {
        let up = Up::start(program, &arguments.split(' ').collect::<Vec<_>>());
        let stranger = fleet::make_ca("customerCA").unwrap();
        std::fs::write(up.folder().join("stranger.crt"), stranger.certificate()).unwrap();
        let ready = up.ready();
        let kms = ready["endpoint"].as_str().map(Kms::at);
        let mut stage = Self {
            up,
            program: program.into(),
            kms,
            left: None,
            meanwhile: None,
            names: Vec::new(),
        };
        stage.name("$cluster", &ready["cluster_id"]);
        stage.name("$admin", &ready["admin"]["password"]);
        for node in ready["nodes"].as_array().unwrap() {
            stage.name("$hsm", &node["hsm_id"]);
        }
        if let Some((_, name)) = stage.names.iter_mut().find(|(_, name)| name == "$hsm") {
            "$hsm1".clone_into(name);
        }
        stage
    }

    /// Gives a value a name, unless it has one.
    fn name(&mut self, name: &str, value: &Value) {
        let Some(value) = value.as_str() else { return };
        if self.names.iter().any(|(known, _)| known == value) {
            return;
        }
        let base = |known: &str| known.trim_end_matches(|c: char| c.is_ascii_digit()) == name;
        let name = match self.names.iter().filter(|(_, known)| base(known)).count() {
            0 => name.to_owned(),
            count => format!("{name}{}", count + 1),
        };
        self.names.push((value.to_owned(), name));
        self.names.sort_by_key(|(_, name)| std::cmp::Reverse(name.len()));
    }

    fn with_values(&self, line: &str) -> String {
        self.names.iter().fold(line.to_owned(), |line, (value, name)| line.replace(name, value))
    }

    fn with_names(&self, said: &str) -> String {
        let said = self
            .names
            .iter()
            .fold(said.to_owned(), |said, (value, name)| said.replace(value, name));
        let said = FRESH.iter().fold(said, |said, (fresh, shown)| {
            Regex::new(fresh).unwrap().replace_all(&said, *shown).into_owned()
        });
        let lines = said.lines().map(str::trim_end).filter(|line| !line.is_empty());
        lines.collect::<Vec<_>>().join("\n")
    }

    fn say(&mut self, line: &str, typed: &[&str]) -> String {
        if let Some((wanted, line)) = line.strip_prefix("until ").and_then(|l| l.split_once(": ")) {
            let end = Instant::now() + PATIENCE;
            loop {
                let said = self.say(line, typed);
                if said.contains(wanted) || Instant::now() > end {
                    return said;
                }
                thread::sleep(TICK);
            }
        }
        if let Some(line) = line.strip_prefix("meanwhile ") {
            return self.begin_meanwhile(line);
        }
        match line {
            "end" => return self.end(),
            "afterwards" => return self.afterwards(),
            _ => {}
        }
        let said = match line.split_once(' ').unwrap() {
            ("KMS", words) => self.ask(words),
            ("trail", event) => self.trail(event),
            ("leave", _) => self.leave(line, typed),
            ("POST", _) => {
                self.kms().sim(line);
                String::new()
            }
            _ => {
                let (who, arguments) = line.split_once("$ ").unwrap();
                let mut command = self.command(who, arguments);
                let input = self.with_values(&typed.join("\n")) + "\n";
                text(&run(&mut command, if typed.is_empty() { "" } else { &input }))
            }
        };
        self.with_names(&said)
    }

    fn kms(&self) -> &Kms {
        self.kms.as_ref().unwrap()
    }

    fn command(&self, who: &str, arguments: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--state").arg(self.up.folder());
        command.args(words(&self.with_values(arguments)));
        command.env_remove("CLOUDHSM_ROLE").env_remove("CLOUDHSM_PIN");
        let (role, pin) = match who {
            "" => return command,
            "admin" => ("admin", self.up.pin("admin")),
            pin if pin.starts_with("admin:") => ("admin", pin.to_owned()),
            pin => ("crypto-user", pin.to_owned()),
        };
        command.env("CLOUDHSM_ROLE", role).env("CLOUDHSM_PIN", pin);
        command
    }

    /// Starts a program, types, and waits until it has printed a text.
    fn leave(&mut self, line: &str, typed: &[&str]) -> String {
        let (wanted, line) = line.strip_prefix("leave ").unwrap().split_once(" $ ").unwrap();
        let mut command = self.command("", line);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let input = self.with_values(&typed.join("\n")) + "\n";
        child.stdin.as_mut().unwrap().write_all(input.as_bytes()).unwrap();
        let mut said = Vec::new();
        let mut byte = [0];
        let stdout = child.stdout.as_mut().unwrap();
        while !String::from_utf8_lossy(&said).contains(wanted) {
            stdout.read_exact(&mut byte).unwrap();
            said.push(byte[0]);
        }
        self.left = Some(child);
        String::from_utf8(said).unwrap()
    }

    fn end(&mut self) -> String {
        let mut child = self.left.take().unwrap();
        drop(child.stdin.take());
        let mut rest = String::new();
        child.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
        child.wait().unwrap();
        self.with_names(&rest)
    }

    fn begin_meanwhile(&mut self, line: &str) -> String {
        let (calls, line) = line.split_once(": KMS ").unwrap();
        let calls = calls.parse().unwrap();
        let (operation, parameters, members) = self.request(line);
        let (said, enough) =
            (Arc::new(Mutex::new(BTreeSet::new())), Arc::new(AtomicBool::new(false)));
        let begun = Arc::new(AtomicUsize::new(0));
        let done = Arc::new(AtomicUsize::new(0));
        let client = |_| {
            let (kms, said, enough) = (self.kms().clone(), Arc::clone(&said), Arc::clone(&enough));
            let (begun, done) = (Arc::clone(&begun), Arc::clone(&done));
            let asked = (operation.clone(), parameters.clone(), members.clone());
            thread::spawn(move || {
                let (operation, parameters, members) = asked;
                while begun.fetch_add(1, Ordering::SeqCst) < calls || !enough.load(Ordering::SeqCst)
                {
                    let answer = kms.call(&operation, &parameters);
                    let answer = answer.map_or_else(refused, |answer| some(&answer, &members));
                    said.lock().unwrap().insert(answer);
                    done.fetch_add(1, Ordering::SeqCst);
                }
            })
        };
        let clients: Vec<_> = (0..CLIENTS).map(client).collect();
        let end = Instant::now() + PATIENCE;
        while done.load(Ordering::SeqCst) < calls / 4 {
            assert!(Instant::now() < end, "the clients are not answered");
            thread::sleep(Duration::from_millis(1));
        }
        self.meanwhile = Some(Meanwhile { calls, said, enough, clients });
        String::new()
    }

    fn afterwards(&mut self) -> String {
        let Meanwhile { calls, said, enough, clients } = self.meanwhile.take().unwrap();
        enough.store(true, Ordering::SeqCst);
        clients.into_iter().for_each(|client| client.join().unwrap());
        let said: Vec<_> = said.lock().unwrap().iter().cloned().collect();
        self.with_names(&format!("{calls} calls and more, all answered: {}", said.join("; ")))
    }

    /// An operation, its parameters, and the members of the answer that are worth showing.
    fn request(&self, line: &str) -> (String, Value, String) {
        let line = self.with_values(line);
        let (line, members) = line.split_once(" | ").unwrap_or((&line, ""));
        let mut parts = words(line).into_iter();
        let operation = parts.next().unwrap();
        let mut parameters = Map::new();
        for part in parts {
            let (member, value) = part.split_once('=').unwrap();
            let kind = model::input_type(&operation, member).unwrap_or("string");
            parameters.insert(member.to_owned(), self.value(kind, value));
        }
        (operation, Value::Object(parameters), members.to_owned())
    }

    fn ask(&mut self, line: &str) -> String {
        let (operation, parameters, members) = self.request(line);
        match self.kms().call(&operation, &parameters) {
            Err(refusal) => refused(refusal),
            Ok(mut answer) => {
                self.name("$store", &answer["CustomKeyStoreId"]);
                self.name("$blob", &answer["CiphertextBlob"]);
                self.name("$key", &answer["KeyMetadata"]["KeyId"]);
                let stores = answer.get_mut("CustomKeyStores").and_then(Value::as_array_mut);
                for store in stores.into_iter().flatten() {
                    store["TrustAnchorCertificate"] = Value::from("…");
                }
                if members.is_empty() { shown(&answer) } else { some(&answer, &members) }
            }
        }
    }

    fn value(&self, kind: &str, value: &str) -> Value {
        let known = self.names.iter().any(|(known, name)| known == value && name.contains("blob"));
        match kind {
            "integer" => value.parse::<i64>().unwrap().into(),
            "boolean" => value.parse::<bool>().unwrap().into(),
            "blob" if !known => BASE64.encode(value.as_bytes()).into(),
            "list" => value.split(',').map(Value::from).collect(),
            "map" => {
                let pair = |pair: &str| {
                    let (name, value) = pair.split_once(':').unwrap();
                    (name.to_owned(), Value::from(value))
                };
                Value::Object(value.split(',').map(pair).collect())
            }
            _ => match value.strip_prefix('@') {
                Some(file) => read(&self.up.folder().join(file)).into(),
                None => value.into(),
            },
        }
    }

    fn trail(&self, event: &str) -> String {
        let log = read(&self.up.folder().join("cloudtrail.jsonl"));
        let mut events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let Some(last) = events.rfind(|it| it["eventName"] == event) else {
            return format!("no {event}");
        };
        let members = SHOWN.iter().filter_map(|name| Some((*name, last.get(name)?.clone())));
        let members = members.filter(|(_, value)| !value.is_null());
        shown(&members.map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

/// The members with these names, wherever they stand.
fn refused(refusal: Refusal) -> String {
    format!("{}: {}", refusal.name, refusal.message)
}

fn some(answer: &Value, members: &str) -> String {
    fn find<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
        match value {
            Value::Object(members) => {
                members.get(name).or_else(|| members.values().find_map(|value| find(value, name)))
            }
            Value::Array(items) => items.iter().find_map(|value| find(value, name)),
            _ => None,
        }
    }
    let member = |name| find(answer, name).map(|value| format!("{name}={value}"));
    members.split(' ').filter_map(member).collect::<Vec<_>>().join(" ")
}

/// A small answer in one line, a large one in several.
fn shown(answer: &Value) -> String {
    match answer.to_string() {
        short if short.len() <= 60 => short,
        _ => serde_json::to_string_pretty(answer).unwrap(),
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Words, of which those in double quotes may have blanks.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words
}

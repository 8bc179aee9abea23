//! Conversations: a line as a person types it, `----`, and what the HSM answered.
//!
//! `alice: GenerateKey key_type=aes …` is said on the connection named alice; without a name it is
//! said on the first one. A connection whose name begins with `peer` has a certificate of the
//! service CA. What differs from run to run (handles, signatures, …) is shown as `#1`, `#2`, … in
//! the order of appearance, and can be said again by that name. `! name` ends a connection.
use proto::{Opcode, Refusal};
use std::collections::HashMap;
use std::path::PathBuf;

/// Something that answers requests: an HSM in memory, or one behind TLS.
pub trait Answering {
    /// Sends a request on the connection with this name, opened when it is first used.
    fn ask(&mut self, connection: &str, opcode: Opcode, body: Vec<u8>) -> (u16, Vec<u8>);
    /// Closes a connection.
    fn hang_up(&mut self, connection: &str);
}

/// Values that are new with each run, by the reply that brings them.
const FRESH: &[(&str, &[&str])] = &[
    ("KeyGenerated", &["handle", "check_value"]),
    ("KeyPairGenerated", &["public", "private"]),
    ("MaskedObject", &["object"]),
    ("Signature", &["signature"]),
    ("Encrypted", &["iv", "data"]),
    ("RandomBytes", &["bytes"]),
    ("KeyWrapped", &["iv", "data"]),
    ("KeyUnwrapped", &["handle"]),
    ("KeyHash", &["hash", "buckets", "tombstones"]),
];

#[derive(Default)]
struct Names {
    values: Vec<String>,
    known: HashMap<String, usize>,
}

impl Names {
    /// A handle keeps its name; of a signature, an engine may make the same again or another.
    fn name(&mut self, field: &str, value: &str) -> String {
        let next = self.values.len();
        let named = matches!(field, "handle" | "public" | "private" | "check_value");
        let n = *self.known.get(value).filter(|_| named).unwrap_or(&next);
        self.known.insert(value.to_owned(), n);
        if n == next {
            self.values.push(value.to_owned());
        }
        format!("#{}", n + 1)
    }

    fn with_values(&self, line: &str) -> String {
        let names = self.values.iter().enumerate().rev();
        names.fold(line.to_owned(), |line, (n, value)| line.replace(&format!("#{}", n + 1), value))
    }

    /// Shows fresh values by name, and known ones wherever they stand again.
    fn with_names(&mut self, reply: &str) -> String {
        let (name, words) = reply.split_once(' ').unwrap_or((reply, ""));
        let fresh = FRESH.iter().find(|(n, _)| *n == name).map_or(&[][..], |(_, fields)| fields);
        let mut out = vec![name.to_owned()];
        for word in words.split(' ').filter(|w| !w.is_empty()) {
            let Some((field, value)) = word.split_once('=') else {
                out.push(word.to_owned());
                continue;
            };
            let value = if fresh.contains(&field) {
                self.name(field, value)
            } else {
                let parts = value.split(',').map(|part| self.shown(part));
                parts.collect::<Vec<_>>().join(",")
            };
            out.push(format!("{field}={value}"));
        }
        out.join(" ")
    }

    fn shown(&self, part: &str) -> String {
        let (before, value) = part.rsplit_once(':').map_or(("", part), |(b, v)| (b, v));
        match self.known.get(value).filter(|_| value.len() > 5 || before.is_empty()) {
            Some(n) if before.is_empty() => format!("#{}", n + 1),
            Some(n) => format!("{before}:#{}", n + 1),
            None => part.to_owned(),
        }
    }
}

/// The scripts of this package, by name.
pub fn all() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts");
    let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let mut paths: Vec<_> = entries.filter(|p| p.extension().is_some_and(|e| e == "txt")).collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

/// Holds the conversation of a script and writes it down anew, answers as they were given.
pub fn hold(script: &str, hsm: &mut impl Answering) -> String {
    let mut names = Names::default();
    let mut out = String::new();
    for block in script.split("\n\n").map(str::trim).filter(|b| !b.is_empty()) {
        let mut lines = block.lines().peekable();
        while let Some(comment) = lines.next_if(|l| l.starts_with("# ") || *l == "#") {
            out += &format!("{comment}\n");
        }
        let Some(line) = lines.next() else {
            out.push('\n');
            continue;
        };
        let said = match line.strip_prefix("! ") {
            Some(connection) => {
                hsm.hang_up(connection);
                "closed".to_owned()
            }
            None => answer(line, hsm, &mut names),
        };
        out += &format!("{line}\n----\n{said}\n\n");
    }
    out.trim_end().to_owned() + "\n"
}

fn answer(line: &str, hsm: &mut impl Answering, names: &mut Names) -> String {
    let (connection, line) = line.split_once(": ").unwrap_or(("first", line));
    let (name, words) = line.split_once(' ').unwrap_or((line, ""));
    let Some(opcode) = Opcode::named(name) else { return format!("no command {name}") };
    let body = match opcode.request_from_text(&names.with_values(words)) {
        Ok(body) => body,
        Err(why) => return why,
    };
    match hsm.ask(connection, opcode, body) {
        (0, body) => {
            names.with_names(&opcode.reply_to_text(&body).expect("a reply that can be read"))
        }
        (code, body) => {
            let refusal = Refusal::decode(code, &body).to_string();
            let known = names.known.iter().filter(|(value, _)| value.parse::<u64>().is_ok());
            let shown = known.fold(refusal, |text, (value, n)| {
                let handle = format!("handle {:#x}", value.parse::<u64>().unwrap());
                text.replace(&handle, &format!("handle #{}", n + 1))
            });
            format!("refused: {shown}")
        }
    }
}

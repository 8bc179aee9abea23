//! Where the shell's lines come from and go to: a terminal with a line editor, or a pipe.
use super::command;
use crate::cli::prompt;
use proto::Secret;
use rustyline::Editor;
use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use std::io::{self, BufRead, IsTerminal, Read, Write};

/// The longest line of a script.
const LINE_MAX: u64 = 64 * 1024;

/// A person or a script.
pub(super) trait Console {
    /// The next command; `None` at the end of the input.
    fn command(&mut self, prompt: &str) -> Option<String>;
    /// The answer to a question; `None` at the end of the input.
    fn answer(&mut self, prompt: &str) -> Option<String>;
    /// A password; `None` at the end of the input.
    fn secret(&mut self, prompt: &str) -> Option<Secret>;
    /// Prints a line.
    fn say(&mut self, line: &str);
    /// Whether a person is there.
    fn is_interactive(&self) -> bool;
}

/// The console that this process was given.
pub(super) fn open() -> Box<dyn Console> {
    let terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let editor =
        terminal.then(|| Editor::with_history(rustyline::Config::default(), MemHistory::new()));
    match editor {
        Some(Ok(editor)) => Box::new(Terminal { editor }),
        _ => Box::new(Pipe),
    }
}

fn print(text: &str) {
    let mut out = io::stdout().lock();
    // Nobody reads any more: the commands are still to be run.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Lines with editing and a history, which holds no passwords.
struct Terminal {
    editor: Editor<(), MemHistory>,
}

impl Console for Terminal {
    fn command(&mut self, prompt: &str) -> Option<String> {
        loop {
            match self.editor.readline(prompt) {
                Ok(line) => {
                    // A history that is full or refuses a line is no reason to stop.
                    let _ =
                        self.editor.add_history_entry(command::without_password(&line, "-hpswd"));
                    return Some(line);
                }
                Err(ReadlineError::Interrupted) => {}
                Err(_) => return None,
            }
        }
    }

    fn answer(&mut self, prompt: &str) -> Option<String> {
        self.editor.readline(prompt).ok()
    }

    fn secret(&mut self, prompt: &str) -> Option<Secret> {
        prompt::secret(prompt).ok().flatten()
    }

    fn say(&mut self, line: &str) {
        print(&format!("{line}\n"));
    }

    fn is_interactive(&self) -> bool {
        true
    }
}

/// Lines of stdin. They are printed behind the prompts, so that the output reads as a session;
/// passwords are not.
struct Pipe;

impl Pipe {
    fn line(prompt: &str, shown: impl Fn(&str) -> String) -> Option<String> {
        print(prompt);
        let mut line = Vec::new();
        let read = io::stdin().lock().take(LINE_MAX).read_until(b'\n', &mut line);
        if !matches!(read, Ok(1..)) {
            print("\n");
            return None;
        }
        // What is no text becomes a word that no command knows, and fails as one.
        let line = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
        print(&format!("{}\n", shown(&line)));
        Some(line)
    }
}

impl Console for Pipe {
    fn command(&mut self, prompt: &str) -> Option<String> {
        Self::line(prompt, |line| command::without_password(line, "****"))
    }

    fn answer(&mut self, prompt: &str) -> Option<String> {
        Self::line(prompt, str::to_owned)
    }

    fn secret(&mut self, prompt: &str) -> Option<Secret> {
        Self::line(prompt, |_| String::new()).map(Secret::new)
    }

    fn say(&mut self, line: &str) {
        print(&format!("{line}\n"));
    }

    fn is_interactive(&self) -> bool {
        false
    }
}

/// A console that plays a script, for tests.
#[cfg(test)]
#[derive(Default)]
pub(super) struct Script {
    pub(super) input: std::collections::VecDeque<&'static str>,
    pub(super) output: String,
}

#[cfg(test)]
impl Script {
    pub(super) fn new(input: &[&'static str]) -> Self {
        Self { input: input.iter().copied().collect(), output: String::new() }
    }

    fn next(&mut self, prompt: &str) -> Option<String> {
        let line = self.input.pop_front();
        self.output += &format!("{prompt}{}\n", line.unwrap_or("<end>"));
        line.map(str::to_owned)
    }
}

#[cfg(test)]
impl Console for Script {
    fn command(&mut self, prompt: &str) -> Option<String> {
        self.next(prompt)
    }

    fn answer(&mut self, prompt: &str) -> Option<String> {
        self.next(prompt)
    }

    fn secret(&mut self, prompt: &str) -> Option<Secret> {
        self.next(prompt).map(Secret::new)
    }

    fn say(&mut self, line: &str) {
        self.output += &format!("{line}\n");
    }

    fn is_interactive(&self) -> bool {
        false
    }
}

//! Questions to a person: hidden on a terminal, a line of stdin when piped.
use super::Failure;
use proto::Secret;
use std::io::{self, IsTerminal, Write};
use zeroize::Zeroizing;

/// Asks for a line that may be seen, on stderr.
pub(crate) fn line(prompt: &str) -> Result<String, Failure> {
    ask(prompt).map_err(Failure::Input)?;
    let line = piped_line().map_err(Failure::Input)?.ok_or_else(no_input)?;
    Ok(line.to_string())
}

/// Asks for a password. `None`: what is piped in has ended.
pub(crate) fn secret(prompt: &str) -> io::Result<Option<Secret>> {
    if io::stdin().is_terminal() {
        return rpassword::prompt_password(prompt).map(|text| Some(Secret::new(text)));
    }
    ask(prompt)?;
    let line = piped_line()?;
    ask("\n")?;
    Ok(line.map(|line| Secret::new(line.as_str())))
}

/// The password of somebody who logs in.
pub(super) fn password() -> Result<Secret, Failure> {
    secret("Enter password:").map_err(Failure::Input)?.ok_or_else(no_input)
}

/// A new password, typed twice; a script may pipe it in once or twice.
pub(super) fn new_password() -> Result<Secret, Failure> {
    let first = password()?;
    match secret("Confirm password:").map_err(Failure::Input)? {
        Some(second) if second != first => Err(Failure::PasswordsDiffer),
        _ => Ok(first),
    }
}

fn ask(prompt: &str) -> io::Result<()> {
    let mut err = io::stderr().lock();
    write!(err, "{prompt}")?;
    err.flush()
}

fn piped_line() -> io::Result<Option<Zeroizing<String>>> {
    let mut line = Zeroizing::new(String::with_capacity(128));
    if io::stdin().read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let end = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(end);
    Ok(Some(line))
}

fn no_input() -> Failure {
    Failure::Input(io::Error::from(io::ErrorKind::UnexpectedEof))
}

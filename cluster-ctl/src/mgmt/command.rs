//! Every command of the shell, one row each, and how a typed line becomes one.
use proto::{Role, Secret};
use std::fmt;
use std::path::PathBuf;

/// A line that was understood.
#[derive(Debug, PartialEq)]
pub(super) enum Command {
    Login(User, Password),
    Logout,
    CreateUser(User, Password),
    ChangePassword(User, Password),
    DeleteUser(User),
    ListUsers,
    Info { server: usize },
    FindAllKeys { user: u32, key_hash: bool, file: Option<PathBuf> },
    GetHsmInfo,
    Server(usize),
    Exit,
    Help(Option<&'static Row>),
    Quit,
}

/// A user, by type and name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct User {
    pub(super) role: Role,
    pub(super) name: String,
    /// `-2fa` was given.
    pub(super) second_factor: bool,
}

/// How the password is given.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Password {
    /// In the line.
    Typed(Secret),
    /// `-hpswd`: to be asked for.
    Hidden,
}

/// Why a line was not understood.
#[derive(Debug, PartialEq)]
pub(super) enum Unreadable {
    /// No command begins so.
    Unknown(String),
    /// Several commands begin so.
    Ambiguous(String, Vec<&'static str>),
    /// The words behind the command do not fit.
    Usage(&'static Row),
    /// No user type.
    UserType(String),
    /// A command of the original that is not there yet.
    NotSimulated(&'static Row),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(word) => write!(f, "{word:?} is no command: `help` lists them"),
            Self::Ambiguous(word, names) => write!(f, "{word:?} may be {}", names.join(", ")),
            Self::Usage(row) => write!(f, "Usage: {}", row.usage),
            Self::UserType(word) => {
                write!(f, "invalid user type: {word:?} (CO, CU; PRECO to activate)")
            }
            Self::NotSimulated(row) => match row.instead {
                "" => write!(f, "{} is not simulated yet", row.name),
                instead => write!(f, "{} is not simulated yet: use `{instead}`", row.name),
            },
        }
    }
}

/// What a command is called and what it takes.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) usage: &'static str,
    pub(super) says: &'static str,
    /// For a command that is not simulated: what does it, or empty.
    instead: &'static str,
    simulated: bool,
}

macro_rules! rows {
    ($($name:literal $usage:literal $says:literal;)*
     not simulated: $($missing:literal $instead:literal;)*) => {
        /// All commands of cloudhsm_mgmt_util: the abbreviations are as unique as there.
        pub(super) const ROWS: &[Row] = &[
            $(Row::simulated($name, concat!($name, $usage), $says),)*
            $(Row::missing($missing, $instead),)*
        ];
    };
}

rows! {
    "loginHSM" " <CO|CU|PRECO> <user name> <password|-hpswd>" "Log in on every server";
    "logoutHSM" "" "Log out on every server";
    "createUser" " <CO|CU> <user name> <password|-hpswd>" "Create a user on every server (CO)";
    "changePswd" " <CO|CU|PRECO> <user name> <password|-hpswd>"
        "Change a password on every server: one's own, or as a CO anybody's";
    "deleteUser" " <CO|CU> <user name>" "Delete a user from every server (CO)";
    "listUsers" "" "List the users of every server";
    "info" " server <server number>" "Show a server, its HSM's id, and who is logged in there";
    "findAllKeys" " <user id> <key hash (0/1)> [<output file>]"
        "Find the keys that a user owns (o) or shares (s) (CO)";
    "getHSMInfo" "" "Describe the hardware of every server";
    "server" " <server number>" "Send the next commands to one server only";
    "exit" "" "End that";
    "help" " [<command>]" "List the commands, or explain one";
    "quit" "" "Leave";
    not simulated:
    "getKeyInfo" "cluster-ctl key list --verbose";
    "getAttribute" "cluster-ctl key list --verbose";
    "listAttributes" "cluster-ctl key list --verbose";
    "setAttribute" "cluster-ctl key set-attribute";
    "shareKey" "cluster-ctl key share";
    "getCert" "";
    "syncKey" "";
    "syncUser" "cluster-ctl user create";
    "registerQuorumPubKey" "";
    "setMValue" "";
    "getMValue" "";
    "getToken" "";
    "approveToken" "";
    "listTokens" "";
    "delToken" "";
}

impl Row {
    const fn simulated(name: &'static str, usage: &'static str, says: &'static str) -> Self {
        Self { name, usage, says, instead: "", simulated: true }
    }

    const fn missing(name: &'static str, instead: &'static str) -> Self {
        Self { name, usage: name, says: "", instead, simulated: false }
    }

    /// The rows of the commands that are there.
    pub(super) fn all_simulated() -> impl Iterator<Item = &'static Self> {
        ROWS.iter().filter(|row| row.simulated)
    }
}

/// The command that this word names: in full, or by a prefix that no other command has.
fn resolve(word: &str) -> Result<&'static Row, Unreadable> {
    let begins = |row: &&Row| {
        row.name.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word))
    };
    let found: Vec<&'static Row> = ROWS.iter().filter(begins).collect();
    match found.as_slice() {
        [] => Err(Unreadable::Unknown(word.to_owned())),
        [row] => Ok(row),
        rows => rows.iter().find(|row| row.name.len() == word.len()).copied().ok_or_else(|| {
            Unreadable::Ambiguous(word.to_owned(), rows.iter().map(|row| row.name).collect())
        }),
    }
}

/// Reads a line; `Ok(None)` for one without words.
pub(super) fn parse(line: &str) -> Result<Option<Command>, Unreadable> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let Some((first, rest)) = words.split_first() else { return Ok(None) };
    let row = resolve(first)?;
    if !row.simulated {
        return Err(Unreadable::NotSimulated(row));
    }
    let usage = || Unreadable::Usage(row);
    let number = |word: &str| word.parse().map_err(|_| usage());
    Ok(Some(match (row.name, rest) {
        ("loginHSM", [role, name, password, more @ ..]) => {
            Command::Login(user(row, role, name, more)?, Password::read(password))
        }
        ("createUser", [role, name, password, more @ ..]) => {
            Command::CreateUser(user(row, role, name, more)?, Password::read(password))
        }
        ("changePswd", [role, name, password, more @ ..]) => {
            Command::ChangePassword(user(row, role, name, more)?, Password::read(password))
        }
        ("deleteUser", [role, name]) => Command::DeleteUser(user(row, role, name, &[])?),
        ("info", ["server", server]) => Command::Info { server: number(server)? },
        ("findAllKeys", [user, hash @ ("0" | "1"), file @ ..]) if file.len() <= 1 => {
            Command::FindAllKeys {
                user: user.parse().map_err(|_| usage())?,
                key_hash: *hash == "1",
                file: file.first().map(PathBuf::from),
            }
        }
        ("server", [server]) => Command::Server(number(server)?),
        ("help", [word]) => Command::Help(Some(resolve(word)?)),
        ("help", []) => Command::Help(None),
        ("logoutHSM", []) => Command::Logout,
        ("listUsers", []) => Command::ListUsers,
        ("getHSMInfo", []) => Command::GetHsmInfo,
        ("exit", []) => Command::Exit,
        ("quit", []) => Command::Quit,
        _ => return Err(usage()),
    }))
}

impl Password {
    fn read(word: &str) -> Self {
        if word == "-hpswd" { Self::Hidden } else { Self::Typed(Secret::new(word)) }
    }
}

fn user(row: &'static Row, role: &str, name: &str, more: &[&str]) -> Result<User, Unreadable> {
    let role = match role {
        "PCO" => Role::Co,
        role => Role::named(role).ok_or_else(|| Unreadable::UserType(role.to_owned()))?,
    };
    let second_factor = match more {
        [] => false,
        ["-2fa", ..] => true,
        _ => return Err(Unreadable::Usage(row)),
    };
    Ok(User { role, name: name.to_ascii_lowercase(), second_factor })
}

/// The line with `instead` for its password, also when the command was mistyped.
pub(super) fn without_password(line: &str, instead: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let takes_none = |word| resolve(word).is_ok_and(|row| !row.usage.contains("-hpswd"));
    if words.len() < 4 || takes_none(words.first().copied().unwrap_or_default()) {
        return line.to_owned();
    }
    let shown = |(n, word)| if n == 3 && word != "-hpswd" { instead } else { word };
    words.into_iter().enumerate().map(shown).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kms(role: Role) -> User {
        User { role, name: "kmsuser".to_owned(), second_factor: false }
    }

    fn typed(text: &str) -> Password {
        Password::Typed(Secret::new(text))
    }

    #[test]
    fn lines() {
        let with_factor = User { second_factor: true, ..kms(Role::Cu) };
        for (line, command) in [
            ("", None),
            ("   ", None),
            (
                "createUser CU kmsuser kmsPswd",
                Some(Command::CreateUser(kms(Role::Cu), typed("kmsPswd"))),
            ),
            (
                "createU CU KMSUSER -hpswd",
                Some(Command::CreateUser(kms(Role::Cu), Password::Hidden)),
            ),
            ("createUser CU kmsuser p -2fa /f", Some(Command::CreateUser(with_factor, typed("p")))),
            (
                "changePswd PRECO kmsuser p",
                Some(Command::ChangePassword(kms(Role::Preco), typed("p"))),
            ),
            ("del PCO kmsuser", None),
            ("deleteUser PCO kmsuser", Some(Command::DeleteUser(kms(Role::Co)))),
            ("listU", Some(Command::ListUsers)),
            ("listusers", Some(Command::ListUsers)),
            ("info server 1", Some(Command::Info { server: 1 })),
            ("server 0", Some(Command::Server(0))),
            ("findAllKeys 3 1", Some(Command::FindAllKeys { user: 3, key_hash: true, file: None })),
            (
                "f 3 0 out",
                Some(Command::FindAllKeys { user: 3, key_hash: false, file: Some("out".into()) }),
            ),
            ("q", Some(Command::Quit)),
            ("logoutHSM", Some(Command::Logout)),
        ] {
            if line == "del PCO kmsuser" {
                assert!(
                    matches!(parse(line), Err(Unreadable::Ambiguous(..))),
                    "deleteUser, delToken"
                );
                continue;
            }
            assert_eq!(parse(line), Ok(command), "{line}");
        }
    }

    #[test]
    fn lines_that_do_not_fit() {
        for (line, says) in [
            ("fly", "\"fly\" is no command"),
            ("log", "\"log\" may be loginHSM, logoutHSM"),
            ("createUser CU kmsuser", "Usage: createUser <CO|CU>"),
            ("createUser CU kmsuser pw extra", "Usage: createUser"),
            ("createUser cu kmsuser pw", "invalid user type: \"cu\""),
            ("info server x", "Usage: info server"),
            ("info", "Usage: info server"),
            ("findAllKeys 3", "Usage: findAllKeys"),
            ("findAllKeys 3 2", "Usage: findAllKeys"),
            ("findAllKeys 3 1 a b", "Usage: findAllKeys"),
            ("server -1", "Usage: server"),
            ("quit now", "Usage: quit"),
            ("shareKey 6 3 1", "shareKey is not simulated yet: use `cluster-ctl key share`"),
            ("getToken 3 a b", "getToken is not simulated yet"),
            ("µ", "is no command"),
        ] {
            let text = parse(line).expect_err(line).to_string();
            assert!(
                text.starts_with(says) || text.ends_with(says) || text.contains(says),
                "{line}: {text}"
            );
        }
    }

    #[test]
    fn every_prefix_is_one_command_or_ambiguous() {
        for row in ROWS {
            assert_eq!(resolve(row.name), Ok(row));
            for end in 1..row.name.len() {
                match resolve(&row.name[..end]) {
                    Ok(found) => assert_eq!(found.name, row.name),
                    Err(Unreadable::Ambiguous(_, names)) => assert!(names.contains(&row.name)),
                    Err(other) => panic!("{other}"),
                }
            }
        }
    }

    #[test]
    fn passwords_are_never_shown() {
        for (line, shown) in [
            ("createUser CU kmsuser kmsPswd", "createUser CU kmsuser ****"),
            ("loginHSM CO admin s3cret -2fa /f", "loginHSM CO admin **** -2fa /f"),
            ("loginHSM CO admin -hpswd", "loginHSM CO admin -hpswd"),
            ("craeteUser CU kmsuser kmsPswd", "craeteUser CU kmsuser ****"),
            ("findAllKeys 3 1 file", "findAllKeys 3 1 file"),
            ("listUsers", "listUsers"),
        ] {
            assert_eq!(without_password(line, "****"), shown);
        }
    }
}

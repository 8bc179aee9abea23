//! The loop of the shell: reads a command, sends it to the servers, prints what they say.
use super::banner::{self, Verb};
use super::command::{self, Command, Password, Row, User};
use super::console::Console;
use super::server::Server;
use super::{keys, tables};
use crate::cli::kms_user;
use hsm_client::Request;
use proto::command::cluster::GetHsmInfo;
use proto::command::session::{Login, Logout};
use proto::command::user::{ChangePassword, CreateUser, DeleteUser, ListUsers};
use proto::{Blob, Role, Secret};
use std::path::Path;
use tokio::runtime::Runtime;

const CREATE: Verb = Verb { name: "createUser", doing: "creating user" };
const CHANGE: Verb = Verb { name: "changePswd", doing: "changing password" };
const DELETE: Verb = Verb { name: "deleteUser", doing: "deleting user" };

/// The shell's state.
pub(super) struct Shell<'a> {
    console: &'a mut dyn Console,
    servers: Vec<Server>,
    runtime: &'a Runtime,
    /// Server mode: commands go to this server only.
    only: Option<usize>,
    /// kmsuser may be given a second factor.
    kmsuser_2fa: bool,
}

/// What comes after a command.
enum Next {
    Done,
    Failed,
    Quit,
}

impl From<bool> for Next {
    fn from(well: bool) -> Self {
        if well { Self::Done } else { Self::Failed }
    }
}

impl<'a> Shell<'a> {
    pub(super) fn new(
        console: &'a mut dyn Console,
        servers: Vec<Server>,
        runtime: &'a Runtime,
        kmsuser_2fa: bool,
    ) -> Self {
        Self { console, servers, runtime, only: None, kmsuser_2fa }
    }

    /// Runs until `quit` or the end of the input. Says whether a command has failed.
    pub(super) fn run(mut self) -> bool {
        let mut failed = false;
        loop {
            let prompt = match self.only {
                Some(number) => format!("server{number}>"),
                None => "aws-cloudhsm>".to_owned(),
            };
            let next = match self.console.command(&prompt) {
                Some(line) => self.step(&line),
                None => Next::Quit,
            };
            match next {
                Next::Done => {}
                Next::Failed => failed = true,
                Next::Quit => break,
            }
        }
        self.console.say("disconnecting from servers, please wait...");
        failed
    }

    fn step(&mut self, line: &str) -> Next {
        let command = match command::parse(line) {
            Ok(Some(command)) => command,
            Ok(None) => return Next::Done,
            Err(unreadable) => {
                self.console.say(&unreadable.to_string());
                return Next::Failed;
            }
        };
        match command {
            Command::Login(user, password) => self.login(&user, &password),
            Command::Logout => self.logout(),
            Command::CreateUser(user, password) => self.create_user(&user, &password),
            Command::ChangePassword(user, password) => self.change_password(&user, &password),
            Command::DeleteUser(user) => self.delete_user(&user),
            Command::ListUsers => self.list_users(),
            Command::Info { server } => self.info(server),
            Command::FindAllKeys { user, key_hash, file } => {
                self.find_all_keys(user, key_hash, file.as_deref())
            }
            Command::GetHsmInfo => self.hsm_info(),
            Command::Server(number) => self.server_mode(number),
            Command::Exit => self.exit(),
            Command::Help(row) => self.help(row),
            Command::Quit => return Next::Quit,
        }
        .into()
    }

    /// The servers that a command goes to.
    fn targets(servers: &mut [Server], only: Option<usize>) -> &mut [Server] {
        match only {
            Some(number) => servers.get_mut(number..=number).unwrap_or_default(),
            None => servers,
        }
    }

    fn count(&self) -> usize {
        if self.only.is_some() { 1 } else { self.servers.len() }
    }

    fn login(&mut self, user: &User, password: &Password) -> bool {
        if !self.without_second_factor("loginHSM", user) {
            return false;
        }
        let password = match password {
            Password::Typed(password) => Some(password.clone()),
            Password::Hidden => self.console.secret("Enter password:"),
        };
        let Some(password) = password else { return false };
        let login = Login { role: user.role, username: user.name.clone(), password };
        let mut well = true;
        for server in Self::targets(&mut self.servers, self.only) {
            match self.runtime.block_on(server.call(&login)) {
                Ok(_) => {
                    server.login = Some((user.role, user.name.clone()));
                    self.console.say(&format!("loginHSM success on {server}"));
                }
                Err(error) => {
                    well = false;
                    self.console.say(&format!("loginHSM failed: {error}"));
                    self.console.say(&format!("logging in on {server} failed"));
                }
            }
        }
        well
    }

    fn logout(&mut self) -> bool {
        let mut well = true;
        for server in Self::targets(&mut self.servers, self.only) {
            match self.runtime.block_on(server.call(&Logout {})) {
                Ok(_) => {
                    server.login = None;
                    self.console.say(&format!("logoutHSM success on {server}"));
                }
                Err(error) => {
                    well = false;
                    self.console.say(&format!("logoutHSM failed: {error}"));
                    self.console.say(&format!("logging out on {server} failed"));
                }
            }
        }
        well
    }

    fn create_user(&mut self, user: &User, password: &Password) -> bool {
        let prompts = ["Enter password:", "Re-enter password:"];
        let Some(password) = self.new_password("createUser", user, password, prompts) else {
            return false;
        };
        if !banner::confirmed(self.console) {
            return self.not_done();
        }
        self.console.say(&format!(
            "Creating User {}({}) on {} nodes",
            user.name,
            user.role.name(),
            self.count()
        ));
        let (role, username) = (user.role, user.name.clone());
        let second_factor = second_factor(user);
        self.on_each(CREATE, &CreateUser { role, username, password, second_factor })
    }

    fn change_password(&mut self, user: &User, password: &Password) -> bool {
        let prompts = ["Enter new password:", "Re-enter new password:"];
        let Some(password) = self.new_password("changePswd", user, password, prompts) else {
            return false;
        };
        if !banner::confirmed(self.console) {
            return self.not_done();
        }
        let (role, username) = (user.role, user.name.clone());
        self.console.say(&format!(
            "Changing password for {username}({}) on {} nodes",
            role.name(),
            self.count()
        ));
        let second_factor = second_factor(user);
        let well =
            self.on_each(CHANGE, &ChangePassword { role, username, password, second_factor });
        if role == Role::Preco {
            self.preco_is_co();
        }
        well
    }

    /// The first change of PRECO's password makes it a CO.
    fn preco_is_co(&mut self) {
        for server in Self::targets(&mut self.servers, self.only) {
            let Ok(listed) = self.runtime.block_on(server.call(&ListUsers {})) else { continue };
            if let Some((role, name)) = &mut server.login
                && listed.users.iter().any(|user| user.username == *name && user.role == Role::Co)
            {
                *role = Role::Co;
            }
        }
    }

    fn delete_user(&mut self, user: &User) -> bool {
        let (role, username) = (user.role, user.name.clone());
        self.console.say(&format!(
            "Deleting user {username}({}) on {} nodes",
            role.name(),
            self.count()
        ));
        self.on_each(DELETE, &DeleteUser { role, username })
    }

    fn on_each<C: Request>(&mut self, verb: Verb, command: &C) -> bool {
        let runtime = self.runtime;
        banner::on_each(self.console, verb, Self::targets(&mut self.servers, self.only), |server| {
            runtime.block_on(server.call(command)).map(|_| ())
        })
    }

    /// A new password that this user may have; otherwise says why not.
    fn new_password(
        &mut self,
        command: &str,
        user: &User,
        password: &Password,
        prompts: [&str; 2],
    ) -> Option<Secret> {
        let rehearsed = self.kmsuser_2fa && kms_user::is(&user.name);
        if !rehearsed && !self.without_second_factor(command, user) {
            return None;
        }
        let password = match password {
            Password::Typed(password) => password.clone(),
            Password::Hidden => {
                let [first, second] = prompts.map(|prompt| self.console.secret(prompt));
                if first != second {
                    self.console.say(&format!("{command} failed: the two passwords differ"));
                    return None;
                }
                first?
            }
        };
        if let Err(unfit) = kms_user::check_password(&user.name, password.expose()) {
            self.console.say(&format!("{command} failed: {unfit}"));
            return None;
        }
        Some(password)
    }

    fn without_second_factor(&mut self, command: &str, user: &User) -> bool {
        if user.second_factor && kms_user::is(&user.name) {
            self.console.say(&format!("{command} failed: {}", kms_user::Unfit::SecondFactor));
        } else if user.second_factor {
            self.console
                .say(&format!("{command} failed: -2fa is not simulated yet; leave it away"));
        }
        !user.second_factor
    }

    fn not_done(&mut self) -> bool {
        self.console.say("Nothing was changed.");
        false
    }

    fn list_users(&mut self) -> bool {
        let mut well = true;
        for server in Self::targets(&mut self.servers, self.only) {
            let text = match self.runtime.block_on(server.call(&ListUsers {})) {
                Ok(listed) => tables::users(&server.to_string(), &listed.users),
                Err(error) => {
                    well = false;
                    format!("listUsers failed on {server}: {error}")
                }
            };
            self.console.say(&text);
        }
        well
    }

    fn info(&mut self, number: usize) -> bool {
        match self.servers.get(number) {
            Some(server) => {
                self.console.say(&tables::info(server));
                true
            }
            None => self.no_server(number),
        }
    }

    fn no_server(&mut self, number: usize) -> bool {
        let last = self.servers.len().saturating_sub(1);
        self.console.say(&format!(
            "there is no server {number}: the configuration has servers 0 to {last}"
        ));
        false
    }

    fn find_all_keys(&mut self, user: u32, key_hash: bool, file: Option<&Path>) -> bool {
        let mut well = true;
        let mut written = String::new();
        for server in Self::targets(&mut self.servers, self.only) {
            match self.runtime.block_on(keys::find_all(server, user, key_hash)) {
                Ok(text) if file.is_some() => written += &format!("{text}\n"),
                Ok(text) => self.console.say(text.trim_end()),
                Err(error) => {
                    well = false;
                    self.console.say(&format!("findAllKeys failed on {server}: {error}\n"));
                    continue;
                }
            }
            self.console.say(&format!("findAllKeys success on {server}\n"));
        }
        if let Some(file) = file
            && let Err(error) = std::fs::write(file, written)
        {
            self.console.say(&format!("{} cannot be written: {error}", file.display()));
            return false;
        }
        well
    }

    fn hsm_info(&mut self) -> bool {
        self.console.say(&format!("Getting HSM Info on {} nodes", self.count()));
        let mut well = true;
        for server in Self::targets(&mut self.servers, self.only) {
            let text = match self.runtime.block_on(server.call(&GetHsmInfo {})) {
                Ok(info) => tables::hsm_info(server.number, &info),
                Err(error) => {
                    well = false;
                    format!("getHSMInfo failed on {server}: {error}")
                }
            };
            self.console.say(&text);
        }
        well
    }

    fn server_mode(&mut self, number: usize) -> bool {
        if number >= self.servers.len() {
            return self.no_server(number);
        }
        self.only = Some(number);
        self.console.say("Server is in 'E2' mode...");
        true
    }

    fn exit(&mut self) -> bool {
        if self.only.take().is_none() {
            self.console.say("exit ends server mode; quit leaves the shell");
            return false;
        }
        true
    }

    fn help(&mut self, row: Option<&'static Row>) -> bool {
        match row {
            Some(row) => self.console.say(&format!("{}\n\nUsage: {}\n", row.says, row.usage)),
            None => {
                self.console
                    .say("Commands, which may be abbreviated as long as they are unique:\n");
                for row in Row::all_simulated() {
                    self.console.say(&format!("  {:<12} {}", row.name, row.says));
                }
                self.console.say("");
            }
        }
        true
    }
}

/// Of kmsuser in a rehearsal: that it has one is kept, and no more.
fn second_factor(user: &User) -> Option<Blob> {
    user.second_factor.then(|| Blob(b"rehearsed".to_vec()))
}

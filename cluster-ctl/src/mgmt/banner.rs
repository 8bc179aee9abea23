//! Questions of the shell: the caution before a change, and what to do when a server has failed.
use super::console::Console;

const CAUTION: &str = "\
*************************CAUTION********************************
This is a CRITICAL operation, should be done on all nodes in the
cluster. AWS does NOT synchronize these changes automatically with the
nodes on which this operation is not executed or failed, please
ensure this operation is executed on all nodes in the cluster.
****************************************************************
";

/// Shows the caution and asks. At the end of the input: no.
pub(super) fn confirmed(console: &mut dyn Console) -> bool {
    console.say(CAUTION);
    loop {
        match console.answer("Do you want to continue(y/n)?").as_deref().map(str::trim) {
            Some("y" | "Y") => return true,
            Some("n" | "N") | None => return false,
            Some(_) => console.say("Invalid option, please type 'y' or 'n'"),
        }
    }
}

/// How a command is named when it is done, and when it fails.
#[derive(Clone, Copy)]
pub(super) struct Verb {
    /// `createUser`
    pub(super) name: &'static str,
    /// `creating user`
    pub(super) doing: &'static str,
}

/// Does something on one server after the other; when one fails, asks whether to retry there,
/// to ignore it, or to abort. Says whether all did it.
pub(super) fn on_each<S: std::fmt::Display>(
    console: &mut dyn Console,
    verb: Verb,
    servers: &mut [S],
    mut change: impl FnMut(&mut S) -> Result<(), String>,
) -> bool {
    let mut all = true;
    for server in servers {
        loop {
            let Err(error) = change(server) else {
                console.say(&format!("{} success on {server}", verb.name));
                break;
            };
            console.say(&format!("{} failed: {error}", verb.name));
            console.say(&format!("{} on {server} failed", verb.doing));
            match choice(console) {
                Choice::Retry => {}
                Choice::Abort => return false,
                Choice::Ignore => {
                    all = false;
                    break;
                }
            }
        }
    }
    all
}

enum Choice {
    Retry,
    Ignore,
    Abort,
}

/// At the end of the input: abort.
fn choice(console: &mut dyn Console) -> Choice {
    loop {
        match console.answer("Retry/Ignore/Abort?(R/I/A):").as_deref().map(str::trim) {
            Some("R" | "r") => return Choice::Retry,
            Some("I" | "i") => return Choice::Ignore,
            Some("A" | "a") | None => return Choice::Abort,
            Some(_) => console.say("Invalid option, please type 'R', 'I' or 'A'"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mgmt::console::Script;

    #[test]
    fn confirmation() {
        for (input, yes) in [
            (vec!["y"], true),
            (vec!["n"], false),
            (vec!["x", "", "y"], true),
            (vec!["yes", "n"], false),
            (vec!["?"], false),
            (vec![], false),
        ] {
            let mut console = Script::new(&input);
            assert_eq!(confirmed(&mut console), yes, "{input:?}");
            assert!(console.output.starts_with(CAUTION));
            let wrong = console.output.matches("Invalid option, please type 'y' or 'n'\n").count();
            assert_eq!(wrong, input.iter().filter(|key| !["y", "n"].contains(key)).count());
        }
    }

    const CREATE: Verb = Verb { name: "createUser", doing: "creating user" };

    /// `faults`: how often each server fails before it succeeds.
    fn play(faults: [u32; 3], input: &[&'static str]) -> (bool, String) {
        let mut console = Script::new(input);
        let mut servers = ["server 0(a)", "server 1(a)", "server 2(a)"];
        let mut left = faults;
        let all = on_each(&mut console, CREATE, &mut servers, |server| {
            let number: usize = server[7..8].parse().expect("a digit");
            match left[number] {
                0 => Ok(()),
                n => {
                    left[number] = n - 1;
                    Err("RET_MXN_AUTH_FAILED".to_owned())
                }
            }
        });
        (all, console.output)
    }

    #[test]
    fn a_server_that_fails() {
        let ok = |n: u32| format!("createUser success on server {n}(a)\n");
        let bad = |n: u32, key: &str| {
            format!(
                "createUser failed: RET_MXN_AUTH_FAILED\ncreating user on server {n}(a) failed\n\
                 Retry/Ignore/Abort?(R/I/A):{key}\n"
            )
        };
        for (faults, input, all, output) in [
            ([0, 0, 0], vec![], true, ok(0) + &ok(1) + &ok(2)),
            ([0, 1, 0], vec!["R"], true, ok(0) + &bad(1, "R") + &ok(1) + &ok(2)),
            ([0, 9, 0], vec!["I"], false, ok(0) + &bad(1, "I") + &ok(2)),
            ([9, 0, 0], vec!["A"], false, bad(0, "A")),
            ([0, 0, 9], vec![], false, ok(0) + &ok(1) + &bad(2, "<end>")),
        ] {
            assert_eq!(play(faults, &input), (all, output), "{faults:?} {input:?}");
        }
        let (_, output) = play([1, 0, 0], &["quit", "r"]);
        assert!(output.contains("Invalid option, please type 'R', 'I' or 'A'"), "{output}");
    }
}

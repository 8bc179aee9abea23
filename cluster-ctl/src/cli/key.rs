//! `key list|delete|set-attribute|share|unshare`, and the door to making keys.
use super::filter::{Filter, handle, reference};
use super::generate::{self, PairCommand, SymmetricCommand};
use super::{Failure, attribute, element, login};
use clap::{Args, Subcommand};
use hsm_client::{CallError, Cluster};
use proto::command::key::{SetAttribute, ShareObject};
use proto::{Fault, Role, Setting};
use serde_json::{Value, json};
use std::path::PathBuf;

/// The keys of the user who is logged in, and those shared with it.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a secret key
    #[command(subcommand)]
    GenerateSymmetric(SymmetricCommand),
    /// Make a key pair
    #[command(subcommand)]
    GenerateAsymmetricPair(PairCommand),
    /// List keys
    #[command(after_help = format!("\
Examples:
  export CLOUDHSM_ROLE=crypto-user CLOUDHSM_PIN=alice:Passw0rd
  cluster-ctl key list
  cluster-ctl key list --filter attr.key-type=aes attr.encrypt=true --max-items 50 --verbose
  cluster-ctl key list --filter key-reference=0x0000000000040006 --verbose

{}", super::LOGIN_HELP))]
    List(List),
    /// Delete a key that the user owns
    #[command(after_help = "Example:\n  cluster-ctl key delete --filter attr.label=my_key")]
    Delete(Delete),
    /// Change an attribute of a key
    #[command(after_help = "\
Examples:
  cluster-ctl key set-attribute --filter attr.label=my_key --name encrypt --value false
  CLOUDHSM_ROLE=admin CLOUDHSM_PIN=admin:password \\
    cluster-ctl key set-attribute --filter attr.label=my_key --name trusted --value true")]
    SetAttribute(Set),
    /// Let another crypto user use a key
    #[command(after_help = "\
Example:
  cluster-ctl key share --filter attr.label=my_key --username bob --role crypto-user")]
    Share(Share),
    /// End that
    #[command(after_help = "\
Example:
  cluster-ctl key unshare --filter attr.label=my_key --username bob --role crypto-user")]
    Unshare(Share),
}

/// Which key.
#[derive(Args, Debug)]
pub(crate) struct One {
    /// key-reference=0x..., or attr.NAME=VALUE ... of which all must match; exactly one key
    #[arg(long, value_name = "FILTER", num_args = 1.., required = true)]
    filter: Vec<String>,
    /// A file of quorum approvals (not simulated yet)
    #[arg(long, value_name = "FILE")]
    approval: Option<PathBuf>,
}

impl One {
    fn parse(&self) -> Result<Filter, Failure> {
        match self.approval {
            Some(_) => Err(Failure::NotSimulated("quorum authentication (--approval)")),
            None => Filter::parse(&self.filter),
        }
    }
}

/// What to list.
#[derive(Args, Debug)]
pub(crate) struct List {
    /// key-reference=0x..., or attr.NAME=VALUE ... of which all must match; all keys without this
    #[arg(long, value_name = "FILTER", num_args = 1..)]
    filter: Vec<String>,
    /// Keys in one answer
    #[arg(long, value_name = "N", default_value_t = 10)]
    max_items: usize,
    /// The next_token of the answer before
    #[arg(long, value_name = "TOKEN")]
    starting_token: Option<String>,
    /// Owners, shares and all attributes
    #[arg(long, short)]
    verbose: bool,
}

/// What to delete.
#[derive(Args, Debug)]
pub(crate) struct Delete {
    #[command(flatten)]
    key: One,
}

/// Which attribute gets which value.
#[derive(Args, Debug)]
pub(crate) struct Set {
    #[command(flatten)]
    key: One,
    /// The attribute's name, for example label, encrypt or trusted
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Its new value: true or false, a text, or 0x and hex digits
    #[arg(long, value_name = "VALUE")]
    value: String,
}

/// A key, and with whom it is shared.
#[derive(Args, Debug)]
pub(crate) struct Share {
    #[command(flatten)]
    key: One,
    /// The other user
    #[arg(long, value_name = "NAME")]
    username: String,
    /// Only crypto users use keys
    #[arg(long, value_name = "ROLE", value_parser = ["crypto-user"])]
    role: String,
}

/// A command whose words are all read.
pub(super) enum Request {
    Generate(generate::Request),
    List { filter: Filter, page: Page, verbose: bool },
    Delete(Filter),
    SetAttribute(Filter, Setting, String),
    Share { filter: Filter, username: String, share: bool },
}

/// Which part of a list: so many keys behind the one that was shown last, which may be gone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Page {
    after: Option<u64>,
    length: usize,
}

impl Page {
    fn parse(token: Option<&str>, length: usize) -> Result<Self, Failure> {
        let unfit =
            |token| Failure::Unfit(format!("{token:?} is no starting token: pass on a next_token"));
        if length == 0 {
            return Err(Failure::Unfit("--max-items must be 1 at least".to_owned()));
        }
        let after = token.map(|token| handle(token).map_err(|_| unfit(token))).transpose()?;
        Ok(Self { after, length })
    }

    /// This part of `all`, which rises, and the token of the next one.
    fn of(self, all: &[u64]) -> (&[u64], Option<String>) {
        let start = all.partition_point(|it| self.after.is_some_and(|after| *it <= after));
        let end = start.saturating_add(self.length).min(all.len());
        let shown = all.get(start..end).unwrap_or_default();
        let next = shown.last().filter(|_| end < all.len()).map(|last| reference(*last));
        (shown, next)
    }
}

/// Reads all words before any HSM is asked.
pub(super) fn check(command: &KeyCommand) -> Result<Request, Failure> {
    Ok(match command {
        KeyCommand::GenerateSymmetric(command) => Request::Generate(command.check()?),
        KeyCommand::GenerateAsymmetricPair(command) => Request::Generate(command.check()?),
        KeyCommand::List(list) => Request::List {
            filter: Filter::parse(&list.filter)?,
            page: Page::parse(list.starting_token.as_deref(), list.max_items)?,
            verbose: list.verbose,
        },
        KeyCommand::Delete(delete) => Request::Delete(delete.key.parse()?),
        KeyCommand::SetAttribute(set) => {
            let setting = attribute::setting(&set.name, &set.value)?;
            Request::SetAttribute(set.key.parse()?, setting, set.value.clone())
        }
        KeyCommand::Share(share) => share.request(true)?,
        KeyCommand::Unshare(share) => share.request(false)?,
    })
}

impl Share {
    fn request(&self, share: bool) -> Result<Request, Failure> {
        let username = self.username.to_ascii_lowercase();
        Ok(Request::Share { filter: self.key.parse()?, username, share })
    }
}

pub(super) async fn run(request: Request, cluster: &Cluster) -> Result<Value, Failure> {
    login::log_in(cluster, Role::Cu).await?;
    let said = |message: &str| Ok(json!({ "message": message }));
    match request {
        Request::Generate(request) => generate::run(request, cluster).await,
        Request::List { filter, page, verbose } => list(cluster, &filter, page, verbose).await,
        Request::Delete(filter) => {
            let handle = filter.find_one(cluster).await?;
            cluster.destroy(vec![handle]).await?;
            said("Key deleted successfully")
        }
        Request::SetAttribute(filter, setting, value) => {
            let handle = filter.find_one(cluster).await?;
            let name = setting.attribute.name().to_owned();
            let change = SetAttribute { handle, attribute: setting };
            cluster.set_attribute(&change).await.map_err(|error| forbidden(error, name, value))?;
            said("Attribute set successfully")
        }
        Request::Share { filter, username, share } => {
            let handle = filter.find_one(cluster).await?;
            cluster.share(&ShareObject { handle, username, share }).await?;
            said(if share { "Key shared successfully" } else { "Key unshared successfully" })
        }
    }
}

/// CloudHSM CLI's text for an attribute that cannot be changed so.
fn forbidden(error: CallError, name: String, value: String) -> Failure {
    match error.refusal().map(|refusal| refusal.fault) {
        Some(Fault::AttributeReadOnly) => Failure::Attribute { name, value },
        _ => error.into(),
    }
}

async fn list(
    cluster: &Cluster,
    filter: &Filter,
    page: Page,
    verbose: bool,
) -> Result<Value, Failure> {
    let all = filter.find(cluster).await?;
    let (handles, next) = page.of(&all);
    let mut keys = Vec::with_capacity(handles.len());
    for handle in handles {
        keys.push(match verbose {
            true => element::describe(cluster, *handle).await?,
            false => element::label(cluster, *handle).await?,
        });
    }
    let mut answer = json!({
        "matched_keys": keys,
        "total_key_count": all.len(),
        "returned_key_count": handles.len(),
    });
    if let Some(next) = next {
        answer["next_token"] = json!(next);
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn pages() {
        let all: Vec<u64> = (0..25).collect();
        let token = |last: u64| Some(reference(last));
        for (given, length, first, count, next) in [
            (None, 10, Some(0), 10, token(9)),
            (token(9), 10, Some(10), 10, token(19)),
            (token(19), 10, Some(20), 5, None),
            (token(24), 10, None, 0, None),
            (token(99), 10, None, 0, None),
            (None, 25, Some(0), 25, None),
            (token(0), usize::MAX, Some(1), 24, None),
        ] {
            let page = Page::parse(given.as_deref(), length).expect("it fits");
            let (part, token) = page.of(&all);
            assert_eq!((part.first().copied(), part.len(), token), (first, count, next));
        }
        for (token, length) in [(Some("ten"), 10), (Some("10"), 10), (Some("-1"), 10), (None, 0)] {
            assert!(Page::parse(token, length).is_err());
        }
    }

    #[test]
    fn keys_that_are_deleted_between_two_pages_hide_no_others() {
        let mut all: Vec<u64> = (1..=7).map(|n| n * 0x4_0000).collect();
        let (whole, mut seen, mut token) = (all.clone(), Vec::new(), None);
        loop {
            let page = Page::parse(token.as_deref(), 2).expect("it fits");
            let (shown, next) = page.of(&all);
            let shown = shown.to_vec();
            all.retain(|handle| !shown.contains(handle));
            seen.extend(shown);
            token = next;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(seen, whole);
    }

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        command: KeyCommand,
    }

    #[test]
    fn words_are_read_before_any_hsm_is_asked() {
        for (line, says) in [
            ("list", ""),
            ("list --filter attr.label=a attr.class=secret-key --max-items 3 -v", ""),
            ("list --filter label=a", "attr.label=my_key"),
            ("delete --filter attr.label=a", ""),
            ("delete --filter attr.label=a --approval f", "not simulated yet"),
            ("set-attribute --filter attr.label=a --name encrypt --value maybe", "true or false"),
            ("set-attribute --filter attr.label=a --name encrypt --value true", ""),
            ("share --filter attr.label=a --username bob --role crypto-user", ""),
            (
                "generate-symmetric aes --label a --key-length-bytes 32 \
                 --attributes encrypt=true decrypt=true",
                "",
            ),
            (
                "generate-symmetric aes --label a --key-length-bytes 32 --use-key-quorum-value 2",
                "not simulated",
            ),
            (
                "generate-symmetric aes --label a --key-length-bytes 32 --attributes label=b",
                "--label",
            ),
            (
                "generate-asymmetric-pair ec --curve prime256v1 --public-label a --private-label b",
                "",
            ),
            (
                "generate-asymmetric-pair ec --curve ed25519 --public-label a --private-label b",
                "not simulated",
            ),
            (
                "generate-asymmetric-pair rsa --public-exponent 65537 --modulus-size-bits 2048 \
                 --public-label a --private-label b --private-attributes sign=true",
                "",
            ),
        ] {
            let parsed = Line::try_parse_from(["key"].into_iter().chain(line.split_whitespace()))
                .expect(line);
            let text = check(&parsed.command).err().map(|f| f.to_string()).unwrap_or_default();
            assert!(text.contains(says) && text.is_empty() == says.is_empty(), "{line}: {text}");
        }
    }
}

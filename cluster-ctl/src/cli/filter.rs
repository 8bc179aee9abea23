//! The `--filter` grammar: `key-reference=0x…` (in KMS's guide `attr.key-reference=0x…`), or any
//! number of `attr.<name>=<value>`, all of which must match; and the keys that a filter finds.
use super::{Failure, attribute};
use hsm_client::Cluster;
use proto::Setting;
use proto::command::key::{FindKeys, GetAttributes, KeysFound};
use proto::{Attribute, Fault, limits};

/// Which keys are meant.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    /// The key with this handle.
    Reference(u64),
    /// The keys with all of these attributes.
    Attributes(Vec<Setting>),
}

impl Filter {
    /// Reads the words after `--filter`; none of them: all keys.
    pub(super) fn parse(words: &[String]) -> Result<Self, Failure> {
        let mut attributes = Vec::new();
        let mut reference = None;
        for word in words {
            let plain = word.strip_prefix("attr.").unwrap_or(word);
            if let Some(number) = plain.strip_prefix("key-reference=") {
                if reference.replace(handle(number)?).is_some() {
                    return Err(Failure::Unfit(
                        "only one key-reference fits in a filter".to_owned(),
                    ));
                }
            } else if let Some(setting) = word.strip_prefix("attr.") {
                attributes.push(attribute::parse(setting)?);
            } else {
                return Err(Failure::Unfit(format!(
                    "{word:?} does not fit in a filter: write key-reference=0x..., or \
                     attr.NAME=VALUE as in attr.label=my_key"
                )));
            }
        }
        match reference {
            None => Ok(Self::Attributes(attributes)),
            Some(handle) if attributes.is_empty() => Ok(Self::Reference(handle)),
            Some(_) => Err(Failure::Unfit(
                "a filter has either key-reference=... or attr.NAME=VALUE, not both".to_owned(),
            )),
        }
    }

    /// The handles of all keys that match, in rising order.
    pub(super) async fn find(&self, cluster: &Cluster) -> Result<Vec<u64>, Failure> {
        let mut all: Vec<u64> = Vec::new();
        loop {
            let after = all.last().copied().unwrap_or(0);
            let page = self.page(cluster, after, limits::HANDLES_MAX).await?;
            let Some(last) = page.handles.last().copied() else { return Ok(all) };
            all.extend(page.handles);
            if matches!(self, Self::Reference(_)) || last <= after {
                return Ok(all);
            }
        }
    }

    /// The one key that matches.
    pub(super) async fn find_one(&self, cluster: &Cluster) -> Result<u64, Failure> {
        let found = self.page(cluster, 0, 2).await?;
        match found.handles.as_slice() {
            [handle] => Ok(*handle),
            [] => Err(Failure::NoKey),
            _ => Err(Failure::ManyKeys(found.total)),
        }
    }

    async fn page(
        &self,
        cluster: &Cluster,
        after: u64,
        limit: usize,
    ) -> Result<KeysFound, Failure> {
        let handle = match self {
            Self::Reference(handle) => *handle,
            Self::Attributes(attributes) => {
                let limit = u32::try_from(limit).unwrap_or(u32::MAX);
                let attributes = attributes.clone();
                return Ok(cluster
                    .find(&FindKeys { attributes, owner: None, after, limit })
                    .await?);
            }
        };
        match cluster.call(&GetAttributes { handle }).await {
            Ok(_) => Ok(KeysFound { handles: vec![handle], total: 1 }),
            Err(error) => match error.refusal().map(|refusal| refusal.fault) {
                Some(Fault::InvalidHandle | Fault::KeyAccessDenied | Fault::Deleted) => {
                    Ok(KeysFound { handles: Vec::new(), total: 0 })
                }
                _ => Err(error.into()),
            },
        }
    }
}

/// A handle as CloudHSM CLI writes it: 16 hex digits.
pub(super) fn reference(handle: u64) -> String {
    format!("{handle:#018x}")
}

pub(super) fn handle(text: &str) -> Result<u64, Failure> {
    let digits =
        text.strip_prefix("0x").filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()).ok_or_else(|| {
        Failure::Unfit(format!("{text:?} is no key-reference: it is 0x and up to 16 hex digits"))
    })
}

/// Reads the attributes of a new key; what has a flag of its own is refused.
pub(super) fn template(words: &[String]) -> Result<Vec<Setting>, Failure> {
    let settings =
        words.iter().map(|word| attribute::parse(word)).collect::<Result<Vec<_>, _>>()?;
    for setting in &settings {
        let instead = match setting.attribute {
            Attribute::Label => "--label (or --public-label and --private-label)",
            Attribute::Token => "--session",
            Attribute::ValueLen => "--key-length-bytes",
            _ => continue,
        };
        let name = setting.attribute.name();
        return Err(Failure::Unfit(format!(
            "the attribute {name} of a new key is given with {instead}"
        )));
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn grammar() {
        let aes = Setting::number(Attribute::KeyType, 31);
        for (text, filter) in [
            ("", Filter::Attributes(vec![])),
            ("key-reference=0x00000000000003d5", Filter::Reference(0x3d5)),
            ("key-reference=0x3d5", Filter::Reference(0x3d5)),
            ("attr.key-reference=0x0000000000120034", Filter::Reference(0x0012_0034)),
            ("attr.key-type=aes", Filter::Attributes(vec![aes.clone()])),
            (
                "attr.label=x attr.key-type=aes",
                Filter::Attributes(vec![Setting::text(Attribute::Label, "x"), aes]),
            ),
        ] {
            assert_eq!(Filter::parse(&words(text)).expect(text), filter, "{text}");
        }
        for (text, says) in [
            ("label=x", "attr.label=my_key"),
            ("key-reference=12", "0x and up to 16"),
            ("key-reference=0x", "0x and up to 16"),
            ("key-reference=0x+1", "0x and up to 16"),
            ("key-reference=0x11111111111111111", "0x and up to 16"),
            ("key-reference=0x1 key-reference=0x2", "only one"),
            ("key-reference=0x1 attr.label=x", "not both"),
            ("attr.key-reference=12", "0x and up to 16"),
            ("attr.key-reference=0x1 key-reference=0x2", "only one"),
            ("attr.colour=red", "no attribute"),
        ] {
            let failure = Filter::parse(&words(text)).expect_err(text).to_string();
            assert!(failure.contains(says), "{text}: {failure}");
        }
    }

    #[test]
    fn references_have_16_digits() {
        assert_eq!(reference(0x0012_000c), "0x000000000012000c");
    }

    #[test]
    fn templates_leave_label_and_token_to_their_flags() {
        assert_eq!(template(&words("encrypt=true wrap=false")).map(|t| t.len()).ok(), Some(2));
        for (text, says) in [
            ("label=x", "--label"),
            ("token=false", "--session"),
            ("key-length-bytes=1", "--key-l"),
        ] {
            let failure = template(&words(text)).expect_err(text).to_string();
            assert!(failure.contains(says), "{failure}");
        }
    }
}

//! Tags of KMS keys.
use super::{Execute, Kms, SHORT_PAGE};
use crate::call::Call;
use crate::error::ApiError;
use crate::model::ErrorKind;
use crate::model::constraint::Rule;
use crate::model::kms::*;
use crate::page::{Listing, Order, most};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// KMS developer guide, resource quotas: tags of a key.
const TAGS_MAX: usize = 50;

/// What keys and values of tags are made of; KMS's model does not say it, its answers do (known of
/// users' reports, with AWS's text).
static CHARACTERS: Rule = Rule::pattern(r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*");

/// Adds tags to those that are there; one with the same key takes the place of the old one.
pub(super) fn added(
    mut tags: BTreeMap<String, String>,
    new: Vec<Tag>,
) -> Result<BTreeMap<String, String>, ApiError> {
    let mut seen = BTreeSet::new();
    for tag in new {
        let (key, value) = (tag.tag_key.unwrap_or_default(), tag.tag_value.unwrap_or_default());
        if !seen.insert(key.clone()) {
            return Err(ErrorKind::TagException.with("Duplicate tag keys"));
        }
        if key.get(..4).is_some_and(|front| front.eq_ignore_ascii_case("aws:")) {
            return Err(ErrorKind::TagException.with("Tags beginning with aws: are reserved"));
        }
        if !CHARACTERS.fits(&key) || !CHARACTERS.fits(&value) {
            return Err(ErrorKind::TagException.with("Invalid tag"));
        }
        tags.insert(key, value);
    }
    if tags.len() > TAGS_MAX {
        return Err(ErrorKind::TagException.with("Too many tags"));
    }
    Ok(tags)
}

impl Execute for TagResourceRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let new = self.tags.unwrap_or_default();
        kms.change_named::<Self>(call, self.key_id, |key| {
            key.tags = added(std::mem::take(&mut key.tags), new.clone())?;
            Ok(())
        })
        .await?;
        Ok(Self::Output::default())
    }
}

impl Execute for UntagResourceRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let gone = self.tag_keys.unwrap_or_default();
        kms.change_named::<Self>(call, self.key_id, |key| {
            key.tags.retain(|name, _| !gone.contains(name));
            Ok(())
        })
        .await?;
        Ok(Self::Output::default())
    }
}

impl Execute for ListResourceTagsRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let found = kms.find::<Self>(call, &self.key_id.unwrap_or_default()).await?;
        let tag = |(key, value): (&String, &String)| Tag {
            tag_key: Some(key.clone()),
            tag_value: Some(value.clone()),
        };
        let tags: Vec<_> = found.key.tags.iter().map(tag).collect();
        let name = |tag: &Tag| tag.tag_key.clone().unwrap_or_default();
        let list = Listing::of::<Self>(&call.region, &found.key.key_id);
        let most = most(self.limit, SHORT_PAGE);
        let page = list.cut(tags, self.marker.as_deref(), most, Order::Rising, name)?;
        Ok(ListResourceTagsResponse {
            tags: Some(page.items),
            next_marker: page.next,
            truncated: Some(page.truncated),
        })
    }
}

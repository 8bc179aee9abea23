//! Tags of clusters and backups.
use super::record::{BackupRecord, ClusterRecord, change, get};
use super::{ControlPlane, Execute, view};
use crate::call::Call;
use crate::error::ApiError;
use crate::model::ErrorKind;
use crate::model::cloudhsmv2::*;
use crate::page::{Listing, Order, most};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// API, TagList: tags of a resource.
const TAGS_MAX: usize = 50;
/// API, ListTags: tags of a page.
const PAGE: usize = 100;

/// Adds tags to those that are there; one with the same key takes the place of the old one.
pub(super) fn added(
    mut tags: BTreeMap<String, String>,
    new: Vec<Tag>,
) -> Result<BTreeMap<String, String>, ApiError> {
    let mut seen = BTreeSet::new();
    for tag in new {
        let (key, value) = (tag.key.unwrap_or_default(), tag.value.unwrap_or_default());
        if key.get(..4).is_some_and(|front| front.eq_ignore_ascii_case("aws:")) {
            return Err(ErrorKind::CloudHsmTagException.with("Tag keys must not begin with aws:"));
        }
        if !seen.insert(key.clone()) {
            return Err(
                ErrorKind::CloudHsmTagException.with(format!("The tag key {key} comes twice"))
            );
        }
        tags.insert(key, value);
    }
    // One request cannot have more: TagResource has added to those that were there.
    if tags.len() > TAGS_MAX {
        return Err(ErrorKind::CloudHsmResourceLimitExceededException
            .with(format!("A resource has {TAGS_MAX} tags at most")));
    }
    Ok(tags)
}

impl ControlPlane {
    async fn change_tags(
        &self,
        call: &Call,
        id: &str,
        decide: impl Fn(&mut BTreeMap<String, String>) -> Result<(), ApiError>,
    ) -> Result<BTreeMap<String, String>, ApiError> {
        let (database, region) = (&self.database, &call.region);
        if id.starts_with("backup-") {
            let changed =
                change(database, region, id, |it: &mut BackupRecord| decide(&mut it.tags));
            return Ok(changed.await?.tags);
        }
        let changed = change(database, region, id, |it: &mut ClusterRecord| decide(&mut it.tags));
        Ok(changed.await?.tags)
    }
}

impl Execute for TagResourceRequest {
    async fn execute(
        self,
        plane: &Arc<ControlPlane>,
        call: &mut Call,
    ) -> Result<Self::Output, ApiError> {
        let new = self.tag_list.unwrap_or_default();
        let id = self.resource_id.unwrap_or_default();
        let add = |tags: &mut BTreeMap<String, String>| {
            *tags = added(std::mem::take(tags), new.clone())?;
            Ok(())
        };
        plane.change_tags(call, &id, add).await?;
        Ok(Self::Output::default())
    }
}

impl Execute for UntagResourceRequest {
    async fn execute(
        self,
        plane: &Arc<ControlPlane>,
        call: &mut Call,
    ) -> Result<Self::Output, ApiError> {
        let gone = self.tag_key_list.unwrap_or_default();
        let id = self.resource_id.unwrap_or_default();
        let take = |tags: &mut BTreeMap<String, String>| {
            tags.retain(|key, _| !gone.contains(key));
            Ok(())
        };
        plane.change_tags(call, &id, take).await?;
        Ok(Self::Output::default())
    }
}

impl Execute for ListTagsRequest {
    async fn execute(
        self,
        plane: &Arc<ControlPlane>,
        call: &mut Call,
    ) -> Result<Self::Output, ApiError> {
        let id = self.resource_id.unwrap_or_default();
        let tags = if id.starts_with("backup-") {
            get::<BackupRecord>(&plane.database, &call.region, &id).await?.tags
        } else {
            get::<ClusterRecord>(&plane.database, &call.region, &id).await?.tags
        };
        let (list, most) = (Listing::of::<Self>(&call.region, &id), most(self.max_results, PAGE));
        let (tags, cursor) = (view::tags(&tags), self.next_token.as_deref());
        let name = |tag: &Tag| tag.key.clone().unwrap_or_default();
        let page = list.cut(tags, cursor, most, Order::Rising, name)?;
        Ok(ListTagsResponse { tag_list: Some(page.items), next_token: page.next })
    }
}

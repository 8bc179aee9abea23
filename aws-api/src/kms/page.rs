//! Lists, a page at a time: Limit and Marker, NextMarker and Truncated.
use crate::error::ApiError;
use crate::model::ErrorKind;
use data_encoding::BASE64URL_NOPAD;

/// KMS API, ListKeys and its like: entries of a page when the caller does not say.
const DEFAULT: i32 = 100;

/// One page of a list.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next: Option<String>,
    pub(super) truncated: bool,
}

/// Where a list goes on: behind the name that the marker holds.
pub(super) fn after(marker: Option<String>) -> Result<String, ApiError> {
    let Some(marker) = marker else { return Ok(String::new()) };
    let name = BASE64URL_NOPAD.decode(marker.as_bytes()).ok();
    let name = name.and_then(|name| String::from_utf8(name).ok());
    let name = name.filter(|name| !name.contains('\0'));
    name.ok_or_else(|| ErrorKind::InvalidMarkerException.with("the marker is not one of this list"))
}

/// How many entries to read: one more than are shown tells whether there are more.
pub(super) fn wanted(limit: Option<i32>) -> i64 {
    i64::from(limit.unwrap_or(DEFAULT).max(1)) + 1
}

/// Makes a page of entries that were read behind the marker, `wanted` at most.
pub(super) fn page<T>(
    mut items: Vec<T>,
    limit: Option<i32>,
    name: impl Fn(&T) -> String,
) -> Page<T> {
    let shown = usize::try_from(limit.unwrap_or(DEFAULT).max(1)).unwrap_or(usize::MAX);
    let truncated = items.len() > shown;
    items.truncate(shown);
    let last = items.last().filter(|_| truncated);
    let next = last.map(|item| BASE64URL_NOPAD.encode(name(item).as_bytes()));
    Page { items, next, truncated }
}

/// A page of a list that is there as a whole, in the order of its names.
pub(super) fn cut<T>(
    items: Vec<T>,
    limit: Option<i32>,
    marker: Option<String>,
    name: impl Fn(&T) -> String,
) -> Result<Page<T>, ApiError> {
    let after = after(marker)?;
    let rest = items.into_iter().filter(|item| after.is_empty() || name(item) > after).collect();
    Ok(page(rest, limit, name))
}

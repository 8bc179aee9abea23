//! Filters and pages of DescribeClusters and DescribeBackups.
use super::invalid;
use crate::error::ApiError;
use data_encoding::BASE64URL_NOPAD;
use std::collections::BTreeMap;

/// Filters: a name, and the values one of which must fit.
pub(super) type Filters = Option<BTreeMap<String, Vec<String>>>;

/// Whether a record passes all filters. `value` knows a record's values by the filters' names, and
/// is `None` for a name that is no filter's.
pub(super) fn passes(
    filters: &Filters,
    value: impl Fn(&str) -> Option<String>,
) -> Result<bool, ApiError> {
    for (name, wanted) in filters.iter().flatten() {
        let value = value(name).ok_or_else(|| {
            invalid(format!(
                "The filter {} is not supported.",
                name.chars().take(64).collect::<String>()
            ))
        })?;
        if !wanted.contains(&value) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The items of a page, and the token of the next one.
pub(super) fn page<T>(
    items: Vec<T>,
    token: Option<String>,
    most: Option<i32>,
    default: usize,
    name: impl Fn(&T) -> &str,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    let after = match token.filter(|token| !token.is_empty()) {
        None => None,
        Some(token) => {
            let name = BASE64URL_NOPAD.decode(token.as_bytes()).ok();
            let name = name.and_then(|name| String::from_utf8(name).ok());
            Some(name.ok_or_else(|| invalid("The NextToken is not one of this list."))?)
        }
    };
    let at = match &after {
        None => 0,
        Some(after) => {
            let found = items.iter().position(|item| name(item) == after);
            found.map_or(items.len(), |at| at + 1)
        }
    };
    let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(default).max(1);
    let rest = items.len().saturating_sub(at);
    let page: Vec<T> = items.into_iter().skip(at).take(most).collect();
    let last = page.last().filter(|_| rest > most);
    let next = last.map(|item| BASE64URL_NOPAD.encode(name(item).as_bytes()));
    Ok((page, next))
}

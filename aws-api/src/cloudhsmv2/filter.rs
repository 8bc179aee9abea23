//! Filters of DescribeClusters and DescribeBackups.
use super::invalid;
use crate::error::ApiError;
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

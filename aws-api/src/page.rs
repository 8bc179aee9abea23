//! Lists, a page at a time. A cursor holds the place of the last entry that was shown, and the next
//! page has what is behind that place: it does not matter whether the entry is there still.
use crate::error::ApiError;
use crate::model::{ErrorKind, Operation};
use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};

/// Bytes by which a cursor is known to be of its list.
const MARK: usize = 8;
/// Bytes of a place: with the mark, 256 characters of base64 have more, which is what NextToken may
/// have (API).
const PLACE_MAX: usize = 160;
/// Hex digits of SHA-256.
const DIGITS: usize = 64;
/// In no name of a tag: what is behind it is not of the name.
const CUT: char = '\u{1}';

/// One list: of this operation, in this Region, of this resource.
pub(crate) struct Listing {
    name: String,
    refusal: ErrorKind,
}

/// One page of a list.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
    pub(crate) truncated: bool,
}

/// Entries of a page: what the caller says, or the service.
pub(crate) fn most(limit: Option<i32>, default: usize) -> usize {
    limit.map_or(default, |limit| usize::try_from(limit).unwrap_or_default()).max(1)
}

/// How many entries to read of the database: one more than are shown.
pub(crate) fn wanted(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1)
}

/// How a list is sorted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Rising,
    Falling,
}

impl Listing {
    /// Cursors of other lists are refused with the error that the operation declares for it.
    pub(crate) fn of<O: Operation>(region: &str, resource: &str) -> Self {
        let kinds = [ErrorKind::InvalidMarkerException, ErrorKind::CloudHsmInvalidRequestException];
        let declared = kinds.into_iter().find(|kind| O::ERRORS.contains(kind));
        Self {
            name: format!("{} {region} {resource}", O::NAME),
            refusal: declared.unwrap_or(ErrorKind::ValidationException),
        }
    }

    fn cursor(&self, place: &str) -> String {
        let marked = [self.mark(place).as_slice(), place.as_bytes()].concat();
        BASE64URL_NOPAD.encode(&marked)
    }

    fn mark(&self, place: &str) -> [u8; MARK] {
        let whole = digest(&SHA256, format!("{}\0{place}", self.name).as_bytes());
        let mut mark = [0; MARK];
        mark.iter_mut().zip(whole.as_ref()).for_each(|(to, from)| *to = *from);
        mark
    }

    /// The place that a cursor holds; `""` is before all others.
    pub(crate) fn after(&self, cursor: Option<&str>) -> Result<String, ApiError> {
        let Some(cursor) = cursor.filter(|cursor| !cursor.is_empty()) else {
            return Ok(String::new());
        };
        let place = || {
            let bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).ok()?;
            let (mark, place) = bytes.split_at_checked(MARK)?;
            let place = String::from_utf8(place.to_vec()).ok()?;
            (mark == self.mark(&place) && !place.contains('\0')).then_some(place)
        };
        place().ok_or_else(|| {
            let what = match self.refusal {
                ErrorKind::CloudHsmInvalidRequestException => "NextToken",
                _ => "Marker",
            };
            self.refusal.with(format!(
                "The {what} is not one of this list: give the one that the page before came with."
            ))
        })
    }

    /// Makes a page of what was read behind a cursor's place, in the order of the places, one entry
    /// more than are shown: it tells whether there are more.
    pub(crate) fn page<T>(
        &self,
        mut items: Vec<T>,
        most: usize,
        place: impl Fn(&T) -> String,
    ) -> Page<T> {
        let truncated = items.len() > most;
        items.truncate(most);
        let last = items.last().filter(|_| truncated);
        let next = last.map(|item| self.cursor(&place(item)));
        Page { items, next, truncated }
    }

    /// A page of a list that is there as a whole, sorted by the places of its entries, which are
    /// cut to what a cursor can hold.
    pub(crate) fn cut<T>(
        &self,
        mut items: Vec<T>,
        cursor: Option<&str>,
        most: usize,
        order: Order,
        name: impl Fn(&T) -> String,
    ) -> Result<Page<T>, ApiError> {
        let after = self.after(cursor)?;
        let place = |item: &T| placed(name(item));
        items.sort_by_cached_key(place);
        if order == Order::Falling {
            items.reverse();
        }
        let is_behind = |item: &T| {
            let place = place(item);
            after.is_empty() || if order == Order::Rising { place > after } else { place < after }
        };
        items.retain(is_behind);
        Ok(self.page(items, most, place))
    }
}

/// A name, or its front and the digest of the whole.
fn placed(name: String) -> String {
    if name.len() <= PLACE_MAX {
        return name;
    }
    let whole = HEXLOWER.encode(digest(&SHA256, name.as_bytes()).as_ref());
    let front = name.floor_char_boundary(PLACE_MAX - DIGITS - CUT.len_utf8());
    format!("{}{CUT}{whole}", name.get(..front).unwrap_or_default())
}

#[cfg(test)]
mod tests;

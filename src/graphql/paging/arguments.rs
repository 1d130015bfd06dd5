//! The four arguments of a connection.

use std::ops::Range;

use super::{Cursor, Place};
use crate::graphql::FieldError;

/// The nodes of a page that names no size.
pub(in crate::graphql) const PAGE_DEFAULT: usize = 50;

/// The most nodes of a page: what a screen can use, and what bounds an answer.
pub(in crate::graphql) const PAGE_MAX: usize = 200;

/// From which end a page is counted.
#[derive(Clone, Copy, Debug)]
enum Size {
    First(usize),
    Last(usize),
}

/// Validated `first`, `after`, `last` and `before`.
#[derive(Debug)]
pub(in crate::graphql) struct PageArguments<P> {
    size: Size,
    after: Option<P>,
    before: Option<P>,
}

impl<P: Place> PageArguments<P> {
    /// Checks the arguments; `order` is the order that the cursors must belong to.
    pub(in crate::graphql) fn parse(
        first: Option<i32>,
        after: Option<&str>,
        last: Option<i32>,
        before: Option<&str>,
        order: P::Order,
    ) -> Result<Self, FieldError> {
        let size = match (first, last) {
            (Some(_), Some(_)) => {
                return Err(FieldError::bad_input("first", "give `first` or `last`, not both"));
            }
            (first, None) => Size::First(page_size("first", first)?),
            (None, last) => Size::Last(page_size("last", last)?),
        };
        Ok(Self {
            size,
            after: cursor("after", after, order)?,
            before: cursor("before", before, order)?,
        })
    }

    /// The positions of the page in a list of `length` places that ascend.
    pub(in crate::graphql) fn slice(
        &self,
        length: usize,
        place_at: impl Fn(usize) -> P,
    ) -> Range<usize> {
        let find =
            |is_before: &dyn Fn(&P) -> bool| partition_point(length, |at| is_before(&place_at(at)));
        let start = self.after.as_ref().map_or(0, |after| find(&|place| place <= after));
        let end = self.before.as_ref().map_or(length, |before| find(&|place| place < before));
        let end = end.max(start);
        match self.size {
            Size::First(count) => start..end.min(start.saturating_add(count)),
            Size::Last(count) => start.max(end.saturating_sub(count))..end,
        }
    }
}

fn page_size(argument: &'static str, count: Option<i32>) -> Result<usize, FieldError> {
    let Some(count) = count else {
        return Ok(PAGE_DEFAULT);
    };
    let count = usize::try_from(count).ok().filter(|&count| count <= PAGE_MAX);
    count
        .ok_or_else(|| FieldError::bad_input(argument, format!("a page has 0 to {PAGE_MAX} nodes")))
}

fn cursor<P: Place>(
    argument: &'static str,
    text: Option<&str>,
    order: P::Order,
) -> Result<Option<P>, FieldError> {
    let decode = |text| {
        Cursor::decode::<P>(text, order).ok_or_else(|| {
            let message =
                "this is no cursor of this list in this order; take one from `pageInfo` or `edges`";
            FieldError::bad_input(argument, message)
        })
    };
    text.map(decode).transpose()
}

/// The first position for which `is_before` no longer holds.
fn partition_point(length: usize, is_before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, length);
    while low < high {
        let middle = usize::midpoint(low, high);
        if is_before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

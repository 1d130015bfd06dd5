//! From a feed to the stream of a field's events.

use futures_util::stream::{self, BoxStream, StreamExt};

use crate::cache::Feed;
use crate::graphql::FieldError;

/// The events of a field. The one that is an error is the last.
pub(super) type Events<T> = BoxStream<'static, Result<T, FieldError>>;

/// The stream of what `pick` finds in a feed's news; it may find nothing in what does not concern the field.
pub(super) fn events<F, I>(feed: F, pick: impl Fn(F::News) -> I + Send + 'static) -> Events<I::Item>
where
    F: Feed,
    I: IntoIterator<Item: Send + 'static>,
{
    let state = Some((feed, pick));
    stream::unfold(state, |state| async move {
        let (mut feed, pick) = state?;
        match feed.next().await {
            Ok(news) => {
                let events: Vec<_> = pick(news).into_iter().map(Ok).collect();
                Some((events, Some((feed, pick))))
            }
            Err(end) => Some((vec![Err(FieldError::from(end))], None)),
        }
    })
    .flat_map(stream::iter)
    .boxed()
}

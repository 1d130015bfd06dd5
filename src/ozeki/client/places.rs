//! How many calls are under way at once, and how many of them one user's.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};

use crate::ozeki::UserId;

/// The part of the places that one user's calls can take: whoever asks for much leaves most of them to others.
const SHARE_DIVISOR: usize = 4;

/// The places of the calls that are under way.
#[derive(Debug)]
pub(super) struct Places {
    all: Semaphore,
    share: usize,
    /// The places of each user who has or waits for some; bounded by the calls that wait.
    shares: Mutex<HashMap<UserId, Arc<Semaphore>>>,
}

/// A place among the calls under way, until it is dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    _of_all: SemaphorePermit<'a>,
    _of_user: Option<UserPlace<'a>>,
}

/// A user's wait for a place of the share, and then the place.
#[derive(Debug)]
struct UserPlace<'a> {
    places: &'a Places,
    user: UserId,
    share: Arc<Semaphore>,
    is_taken: bool,
}

impl Drop for UserPlace<'_> {
    fn drop(&mut self) {
        if self.is_taken {
            self.share.add_permits(1);
        }
        let mut shares = self.places.lock();
        // The map's own and this one: nobody else waits for it or has a place of it.
        if Arc::strong_count(&self.share) == 2 {
            shares.remove(&self.user);
        }
    }
}

impl Places {
    pub(super) fn new(places: NonZeroUsize) -> Self {
        let share = places.get().div_ceil(SHARE_DIVISOR);
        Self { all: Semaphore::new(places.get()), share, shares: Mutex::default() }
    }

    /// Waits for a place: first for one of the user's share, where the call is a user's.
    ///
    /// Cancel safety: dropping the future gives back what it had.
    pub(super) async fn take(&self, user: Option<UserId>) -> Result<Place<'_>, AcquireError> {
        let of_user = match user {
            Some(user) => Some(self.take_of_share(user).await?),
            None => None,
        };
        Ok(Place { _of_all: self.all.acquire().await?, _of_user: of_user })
    }

    async fn take_of_share(&self, user: UserId) -> Result<UserPlace<'_>, AcquireError> {
        let new = || Arc::new(Semaphore::new(self.share));
        let share = Arc::clone(self.lock().entry(user).or_insert_with(new));
        let mut place = UserPlace { places: self, user, share, is_taken: false };
        place.share.acquire().await?.forget();
        place.is_taken = true;
        Ok(place)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Arc<Semaphore>>> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const GREEDY: Option<UserId> = Some(UserId::from_bytes([1; 16]));
    const MODEST: Option<UserId> = Some(UserId::from_bytes([2; 16]));

    #[tokio::test]
    async fn one_user_takes_a_quarter_of_the_places_and_leaves_the_others() {
        let places = Places::new(NonZeroUsize::new(8).unwrap());
        let first = places.take(GREEDY).await.unwrap();
        let second = places.take(GREEDY).await.unwrap();
        let mut third = Box::pin(places.take(GREEDY));
        assert!((&mut third).now_or_never().is_none());
        let others = [places.take(MODEST).await.unwrap(), places.take(None).await.unwrap()];
        drop(first);
        let third = third.await.unwrap();
        drop((second, third, others));
        assert!(places.lock().is_empty(), "{places:?}");
        assert_eq!(places.all.available_permits(), 8);
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_nothing_behind() {
        let places = Places::new(NonZeroUsize::MIN);
        let held = places.take(GREEDY).await.unwrap();
        assert!(places.take(GREEDY).now_or_never().is_none());
        assert!(places.take(MODEST).now_or_never().is_none());
        drop(held);
        assert!(places.lock().is_empty(), "{places:?}");
        assert!(places.take(MODEST).now_or_never().is_some());
    }
}

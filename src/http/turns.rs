//! Work by turns: what is done for clients who have not shown who they are waits for all that is ready, and a flood of it
//! delays others by one piece of it.

use std::future::poll_fn;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::ready;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::yield_now;

/// So many pieces of work at once: one for each processor.
///
/// Whoever waits is a connection, or a stream of one, and those are bounded.
#[derive(Clone, Debug)]
pub(super) struct Turns(Arc<Places>);

#[derive(Debug)]
struct Places {
    /// Of those who stand in line, the first, who wait for a turn together with newcomers.
    first_in_line: Semaphore,
    turns: Semaphore,
}

impl Default for Turns {
    fn default() -> Self {
        Self::of(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }
}

impl Turns {
    fn of(processors: NonZeroUsize) -> Self {
        let [first_in_line, turns] = [processors; 2].map(|count| Semaphore::new(count.get()));
        Self(Arc::new(Places { first_in_line, turns }))
    }

    /// Waits for a turn: for others who wait, and then for everything else that is ready. Who has just come passes all
    /// that stand in line but the first.
    async fn next(&self, is_newcomer: bool) -> Option<SemaphorePermit<'_>> {
        let line = &self.0.first_in_line;
        let _first = if is_newcomer { None } else { line.acquire().await.ok() };
        let turn = self.0.turns.acquire().await.ok();
        yield_now().await;
        turn
    }
}

/// Whether a client has shown who it is, as far as its last request tells. Clones are of one client.
#[derive(Clone, Debug)]
pub struct Standing(Arc<Client>);

#[derive(Debug)]
struct Client {
    turns: Turns,
    shown: AtomicU8,
}

/// It has not asked yet. It may be someone whom others keep waiting, and has a turn soon.
const NOT_ASKED: u8 = 0;
/// It asked, and showed nothing, or may ask no more for now.
const NAMELESS: u8 = 1;
/// It showed who it is: it is charged for what it asks, and waits for nobody.
const KNOWN: u8 = 2;

impl Standing {
    /// One who has just come.
    pub(super) fn newcomer(turns: Turns) -> Self {
        Self(Arc::new(Client { turns, shown: AtomicU8::new(NOT_ASKED) }))
    }

    /// Notes that the client asked, and whether it showed who it is, and may ask.
    pub(super) fn note(&self, is_known: bool) {
        self.0.shown.store(if is_known { KNOWN } else { NAMELESS }, Ordering::Relaxed);
    }

    /// Does the client's work, each piece of it by turns with that of others for as long as the client is not known.
    ///
    /// From its handshake on, and with all that is read for it: none of that is begun before its turn.
    pub(super) fn by_turns<W>(&self, work: W) -> impl Future<Output = W::Output> + Send + use<W>
    where
        W: Future + Send + 'static,
    {
        let client = Arc::clone(&self.0);
        let mut work = Box::pin(work);
        async move {
            let mut waiting: Option<Pin<Box<dyn Future<Output = _> + Send>>> = None;
            poll_fn(|context| {
                let shown = client.shown.load(Ordering::Relaxed);
                if shown == KNOWN {
                    waiting = None;
                    return work.as_mut().poll(context);
                }
                let turn =
                    waiting.get_or_insert_with(|| Box::pin(client.turns.next(shown == NOT_ASKED)));
                let turn = ready!(turn.as_mut().poll(context));
                waiting = None;
                let polled = work.as_mut().poll(context);
                drop(turn);
                polled
            })
            .await
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::FutureExt;
    use tokio::task::JoinSet;

    use super::*;

    fn one_processor() -> Turns {
        Turns::of(NonZeroUsize::MIN)
    }

    fn nameless(turns: &Turns) -> Standing {
        let standing = Standing::newcomer(turns.clone());
        standing.note(false);
        standing
    }

    /// What was done, in its order.
    #[derive(Clone, Default)]
    struct Diary(Arc<Mutex<Vec<&'static str>>>);

    impl Diary {
        fn note(&self, what: &'static str) {
            self.0.lock().unwrap().push(what);
        }

        fn work(&self, name: &'static str) -> impl Future<Output = ()> + use<> {
            let diary = self.clone();
            async move { diary.note(name) }
        }

        fn text(&self) -> String {
            self.0.lock().unwrap().join(" ")
        }
    }

    #[tokio::test]
    async fn who_is_not_known_comes_after_all_that_is_ready_and_one_at_a_time() {
        let (turns, diary) = (one_processor(), Diary::default());
        let known = nameless(&turns);
        known.note(true);
        let mut tasks = JoinSet::new();
        let wakes_another = {
            let (diary, another) = (diary.clone(), known.by_turns(diary.work("known")));
            async move {
                diary.note("one");
                drop(tokio::spawn(another));
            }
        };
        tasks.spawn(nameless(&turns).by_turns(wakes_another));
        tasks.spawn(nameless(&turns).by_turns(diary.work("other")));
        for _ in 0..3 {
            tasks.spawn(known.by_turns(diary.work("known")));
        }
        tasks.join_all().await;
        assert_eq!(diary.text(), "known known known one known other");
    }

    #[tokio::test]
    async fn who_has_shown_who_it_is_waits_for_nobody() {
        let turns = one_processor();
        let _taken = turns.next(true).await;
        let standing = Standing::newcomer(turns.clone());
        let mut work = Box::pin(standing.by_turns(async {}));
        assert!(work.as_mut().now_or_never().is_none());
        standing.note(true);
        assert!(work.as_mut().now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_turn_is_given_back_while_work_waits_and_when_it_is_dropped() {
        let turns = one_processor();
        let work = Standing::newcomer(turns.clone()).by_turns(std::future::pending::<()>());
        let waiting = tokio::spawn(work);
        // It had its first turn, and needs no other until something happens.
        let turn = turns.next(true).await;
        let mut other = Box::pin(Standing::newcomer(turns.clone()).by_turns(async {}));
        assert!(other.as_mut().now_or_never().is_none());
        drop((other, turn));
        waiting.abort();
        assert!(waiting.await.is_err());
        assert!(turns.next(true).await.is_some());
    }

    #[tokio::test]
    async fn who_has_just_come_passes_those_who_stand_in_line() {
        let (turns, diary) = (one_processor(), Diary::default());
        let mut tasks = JoinSet::new();
        for name in ["first", "second", "third", "fourth"] {
            tasks.spawn(nameless(&turns).by_turns(diary.work(name)));
        }
        // All of them stand in line when the newcomer comes.
        yield_now().await;
        tasks.spawn(Standing::newcomer(turns.clone()).by_turns(diary.work("newcomer")));
        tasks.join_all().await;
        assert_eq!(diary.text(), "first newcomer second third fourth");
    }
}

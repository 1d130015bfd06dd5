//! Work by turns: what is done for clients who have not shown who they are waits for all that is ready, and a flood of it
//! delays others by one piece of it.

use std::future::poll_fn;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, ready};

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::yield_now;

use crate::graphql::Engine;
use crate::session::Authentication;

/// So many pieces of work at once: one for each processor.
///
/// Whoever waits is a connection, or a stream of one, and those are bounded.
#[derive(Clone, Debug)]
pub(super) struct Turns(Arc<Places>);

#[derive(Debug)]
struct Places {
    /// The first of each line, who wait for a turn together: the lines come by turns too, and none keeps another waiting
    /// by being long. Of newcomers some come at once.
    firsts: [Semaphore; LINES],
    turns: Semaphore,
}

/// In which line a client waits: that of newcomers. It may be someone whom others keep waiting, and what it shows is read
/// in a short piece of work.
const NOT_ASKED: usize = 0;
/// That of those who showed nothing, and for whose last request their address had to answer. It may be a login.
const CHARGED: usize = 1;
/// That of those who showed nothing, and may ask no more for now, or asked for what nobody is charged for.
const NAMELESS: usize = 2;
/// In none: it showed who it is, and is charged for what it asks.
const KNOWN: usize = LINES;

const LINES: usize = 3;

/// So many from each line at once, for each processor. When many come at once, who is known after its first piece of work
/// waits for little but such pieces; and whoever stands in another line waits for eight of them, as long as for two others.
const AT_ONCE: [usize; LINES] = [8, 1, 1];

impl Default for Turns {
    fn default() -> Self {
        Self::of(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }
}

impl Turns {
    fn of(processors: NonZeroUsize) -> Self {
        let firsts = AT_ONCE.map(|count| Semaphore::new(count * processors.get()));
        Self(Arc::new(Places { firsts, turns: Semaphore::new(processors.get()) }))
    }

    /// Takes every turn that is free.
    #[cfg(test)]
    pub(super) async fn all(&self) -> SemaphorePermit<'_> {
        let count = self.0.turns.available_permits().try_into().unwrap();
        self.0.turns.acquire_many(count).await.unwrap()
    }

    /// Waits for a turn: for others in the same line, then for the first of the others, and then for everything else that
    /// is ready.
    async fn next(&self, line: usize) -> Option<SemaphorePermit<'_>> {
        let _first = self.0.firsts.get(line)?.acquire().await.ok();
        let turn = self.0.turns.acquire().await.ok();
        behind_all_that_is_ready().await;
        turn
    }
}

/// Lets the runtime look for what has happened meanwhile, and run all that it woke.
async fn behind_all_that_is_ready() {
    yield_now().await;
    // A worker wakes who has yielded after those whom events woke, and runs first whom it woke last.
    behind_the_queue().await;
}

/// Puts the task behind those that are known to be ready: that is where one goes which wakes itself.
async fn behind_the_queue() {
    let mut is_behind = false;
    poll_fn(|context| {
        if std::mem::replace(&mut is_behind, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// What a client showed with a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shown {
    /// Who it is.
    Itself,
    /// Nothing, or what anybody could invent: a credential that is handed on and was not taken by the upstream so far.
    Nothing,
    /// What is not accepted.
    Unacceptable,
}

impl Shown {
    pub(super) fn by(authentication: &Authentication, engine: &Engine) -> Self {
        match authentication {
            Authentication::Caller(caller) if engine.is_proved(caller) => Self::Itself,
            Authentication::Caller(_) | Authentication::Anonymous => Self::Nothing,
            Authentication::Refused => Self::Unacceptable,
        }
    }
}

/// Whether a client has shown who it is, as far as its last request tells. Clones are of one client.
#[derive(Clone, Debug)]
pub struct Standing(Arc<Client>);

#[derive(Debug)]
struct Client {
    turns: Turns,
    /// Its line.
    line: AtomicUsize,
    /// That of the connection, if this is a stream of one.
    connection: Option<Standing>,
}

impl Standing {
    /// One who has just come.
    pub(super) fn newcomer(turns: Turns) -> Self {
        Self(Arc::new(Client { turns, line: AtomicUsize::new(NOT_ASKED), connection: None }))
    }

    /// That of a stream: it begins where its connection stands. The connection may be a proxy's, with streams of many
    /// people, and what one of them shows says nothing of another.
    pub(super) fn of_stream(&self) -> Self {
        let (turns, line) = (self.0.turns.clone(), AtomicUsize::new(self.line()));
        Self(Arc::new(Client { turns, line, connection: Some(self.clone()) }))
    }

    /// Notes that the client asked, what it showed, and whether it may ask.
    pub(super) fn note(&self, shown: Shown, is_admitted: bool) {
        self.set(match shown {
            Shown::Itself if is_admitted => KNOWN,
            Shown::Nothing if is_admitted => CHARGED,
            Shown::Itself | Shown::Nothing | Shown::Unacceptable => NAMELESS,
        });
    }

    /// Notes that the client asked for what nobody is charged for.
    pub(super) fn note_uncharged(&self) {
        self.set(NAMELESS);
    }

    /// Notes that the client asked whether it may ask, as browsers do before a page's first request to another origin. Nobody
    /// is charged for that: it is a step back, so that what follows it is read soon and a flood of it is not.
    pub(super) fn note_preflight(&self) {
        self.set(match self.line() {
            NOT_ASKED | KNOWN => CHARGED,
            _ => NAMELESS,
        });
    }

    /// Ends a piece of the client's work, as long as it is not known: what follows waits for another turn, in the line
    /// where the client stands now.
    pub(super) async fn end_piece(&self) {
        if self.line() != KNOWN {
            behind_the_queue().await;
        }
    }

    /// Where the client stands.
    #[cfg(test)]
    pub(super) fn place(&self) -> &'static str {
        ["not asked", "charged", "nameless", "known"][self.line()]
    }

    fn set(&self, line: usize) {
        self.0.line.store(line, Ordering::Relaxed);
        if let Some(connection) = &self.0.connection {
            connection.set(line);
        }
    }

    fn line(&self) -> usize {
        self.0.line.load(Ordering::Relaxed)
    }

    /// Does the client's work, each piece of it by turns with that of others for as long as the client is not known.
    ///
    /// From its handshake on, and with all that is read for it: none of that is begun before its turn.
    pub(super) fn by_turns<W>(&self, work: W) -> impl Future<Output = W::Output> + Send + use<W>
    where
        W: Future + Send + 'static,
    {
        let client = self.clone();
        let mut work = Box::pin(work);
        async move {
            let mut waiting: Option<Pin<Box<dyn Future<Output = _> + Send>>> = None;
            poll_fn(|context| {
                let line = client.line();
                if line == KNOWN {
                    waiting = None;
                    return work.as_mut().poll(context);
                }
                let turn = waiting.get_or_insert_with(|| Box::pin(client.0.turns.next(line)));
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::task::JoinSet;

    use super::*;

    fn one_processor() -> Turns {
        Turns::of(NonZeroUsize::MIN)
    }

    fn newcomer(turns: &Turns) -> Standing {
        Standing::newcomer(turns.clone())
    }

    fn charged(turns: &Turns) -> Standing {
        let standing = newcomer(turns);
        standing.note(Shown::Nothing, true);
        standing
    }

    fn nameless(turns: &Turns) -> Standing {
        let standing = newcomer(turns);
        standing.note(Shown::Nothing, false);
        standing
    }

    fn show(standing: &Standing) {
        standing.set(KNOWN);
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
        show(&known);
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

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn whom_the_system_wakes_meanwhile_comes_before_who_is_not_known() {
        let worker = async {
            let (turns, diary) = (one_processor(), Diary::default());
            let (mut here, mut there) = tokio::net::UnixStream::pair().unwrap();
            let mut tasks = JoinSet::new();
            let known = diary.clone();
            tasks.spawn(async move {
                there.read_exact(&mut [0]).await.unwrap();
                known.note("known");
            });
            // It waits for the system now.
            yield_now().await;
            here.write_all(b"x").await.unwrap();
            tasks.spawn(nameless(&turns).by_turns(diary.work("other")));
            tasks.join_all().await;
            assert_eq!(diary.text(), "known other");
        };
        tokio::spawn(worker).await.unwrap();
    }

    #[tokio::test]
    async fn who_has_shown_who_it_is_waits_for_nobody() {
        let turns = one_processor();
        let _taken = turns.next(NOT_ASKED).await;
        let standing = Standing::newcomer(turns.clone());
        let mut work = Box::pin(standing.by_turns(async {}));
        assert!(work.as_mut().now_or_never().is_none());
        show(&standing);
        assert!(work.as_mut().now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_turn_is_given_back_while_work_waits_and_when_it_is_dropped() {
        let turns = one_processor();
        let work = Standing::newcomer(turns.clone()).by_turns(std::future::pending::<()>());
        let waiting = tokio::spawn(work);
        // It had its first turn, and needs no other until something happens.
        let turn = turns.next(NOT_ASKED).await;
        let mut other = Box::pin(Standing::newcomer(turns.clone()).by_turns(async {}));
        assert!(other.as_mut().now_or_never().is_none());
        drop((other, turn));
        waiting.abort();
        assert!(waiting.await.is_err());
        assert!(turns.next(NOT_ASKED).await.is_some());
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
        tasks.spawn(newcomer(&turns).by_turns(diary.work("newcomer")));
        tasks.join_all().await;
        assert_eq!(diary.text(), "first newcomer second third fourth");
    }

    #[tokio::test]
    async fn no_line_waits_for_more_of_another_than_come_at_once() {
        let (turns, diary) = (one_processor(), Diary::default());
        let mut tasks = JoinSet::new();
        let of_lines: [fn(&Turns) -> Standing; 3] = [newcomer, charged, nameless];
        for (standing, count) in of_lines.into_iter().zip([20, 2, 4]) {
            let name = ["new", "charged", "nameless"][standing(&turns).line()];
            for _ in 0..count {
                tasks.spawn(standing(&turns).by_turns(diary.work(name)));
            }
        }
        tasks.join_all().await;
        let newcomers = |count| ["new"].repeat(count).join(" ");
        let (eight, four) = (newcomers(8), newcomers(4));
        let alternating =
            format!("{eight} charged nameless {eight} charged nameless {four} nameless nameless");
        assert_eq!(diary.text(), alternating);
    }

    #[tokio::test]
    async fn a_newcomer_is_read_before_what_others_who_showed_nothing_asked_for_is_run() {
        let (turns, diary) = (one_processor(), Diary::default());
        let mut tasks = JoinSet::new();
        for (read, run, is_known) in [
            ("read", "run", false),
            ("read other", "run other", false),
            ("read known", "run known", true),
        ] {
            let (standing, diary) = (newcomer(&turns), diary.clone());
            let own = standing.clone();
            tasks.spawn(standing.by_turns(async move {
                diary.note(read);
                own.set(if is_known { KNOWN } else { CHARGED });
                own.end_piece().await;
                diary.note(run);
            }));
        }
        tasks.join_all().await;
        assert_eq!(diary.text(), "read read other read known run known run run other");
    }

    #[test]
    fn what_one_stream_shows_says_nothing_of_another_and_is_the_last_word_of_its_connection() {
        let turns = one_processor();
        let connection = newcomer(&turns);
        let stranger = connection.of_stream();
        show(&stranger);
        let friend = connection.of_stream();
        stranger.note_uncharged();
        assert_eq!(
            [&stranger, &friend, &connection].map(Standing::line),
            [NAMELESS, KNOWN, NAMELESS]
        );
        assert_eq!(connection.of_stream().line(), NAMELESS);
        show(&friend);
        assert_eq!([&stranger, &friend, &connection].map(Standing::line), [NAMELESS, KNOWN, KNOWN]);
    }

    #[tokio::test]
    async fn who_is_ended_while_waiting_leaves_its_place_to_the_next() {
        let (turns, diary) = (one_processor(), Diary::default());
        let taken = turns.next(NAMELESS).await;
        let mut tasks = JoinSet::new();
        // The first waits for a turn, the second behind it, and the third has one and does not know yet.
        let [first, second] = ["first", "second"]
            .map(|name| tasks.spawn(nameless(&turns).by_turns(diary.work(name))));
        yield_now().await;
        first.abort();
        second.abort();
        while tasks.join_next().await.is_some() {}
        let mut third = Box::pin(nameless(&turns).by_turns(diary.work("third")));
        assert!(third.as_mut().now_or_never().is_none());
        drop(taken);
        assert!(third.as_mut().now_or_never().is_none());
        drop(third);
        tasks.spawn(nameless(&turns).by_turns(diary.work("fourth")));
        tasks.join_all().await;
        assert_eq!(diary.text(), "fourth");
    }
}

//! With pollers on, a read after a delivered notice never returns the state before it.

use std::sync::Arc;

use ozeki_graphql::ozeki::{Change, Conversation};
use ozeki_graphql::session::Caller;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{Bench, budget};

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Somebody says something.
    Say(usize),
    /// Somebody clears the conversation.
    Clear(usize),
    /// Somebody mutes it, or no longer.
    Mute(usize, bool),
    /// Reads, of which nothing is known but that they may put an older state into memory.
    Read(usize),
    /// Everything so far is told to everybody.
    Told,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = 0..2_usize;
    let step = prop_oneof![
        3 => who.clone().prop_map(Step::Say),
        1 => who.clone().prop_map(Step::Clear),
        2 => (who.clone(), any::<bool>()).prop_map(|(who, on)| Step::Mute(who, on)),
        4 => who.prop_map(Step::Read),
        2 => Just(Step::Told),
    ];
    prop::collection::vec(step, 1..16)
}

async fn run(steps: Vec<Step>) {
    let bench = Bench::start().await;
    let callers = [bench.log_in("alice").await, bench.log_in("bob").await];
    let chat = bench.shared(&callers[0], &callers[1]).await.id;
    let entry = async |caller: &Arc<Caller>| {
        Conversation::clone(bench.conversations(caller).await.find(chat).unwrap())
    };
    entry(&callers[1]).await;
    for (number, step) in (0_u8..).zip(steps) {
        match step {
            Step::Say(who) => {
                // The first that knows nothing of a clear is refused and looks.
                bench.say(&callers[who], chat, number).await;
            }
            Step::Clear(who) => {
                let clear = |one: &Conversation| Change::Clear { instance: one.instance().into() };
                // Refused where the other one was quicker.
                let _ = bench.data.change_conversation(&callers[who], chat, clear, &budget()).await;
            }
            Step::Mute(who, on) => {
                let change = move |_: &Conversation| if on { Change::Mute } else { Change::Unmute };
                bench
                    .data
                    .change_conversation(&callers[who], chat, change, &budget())
                    .await
                    .unwrap();
            }
            Step::Read(who) => drop(entry(&callers[who]).await),
            Step::Told => {
                for caller in &callers {
                    bench.told(caller).await;
                }
                // A caller at a station of its own, whose first read is the upstream's state.
                let witness = bench.log_in("alice").await;
                let truth = entry(&witness).await;
                for caller in &callers {
                    let read = entry(caller).await;
                    let state = |one: &Conversation| {
                        (
                            one.instance().to_owned(),
                            one.last_message_id().map(str::to_owned),
                            one.muted_by().to_owned(),
                        )
                    };
                    assert_eq!(state(&read), state(&truth));
                }
            }
        }
    }
}

#[test]
fn a_read_after_a_notice_shows_no_state_before_it() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 16, ..Config::default() });
    runner
        .run(&steps(), |steps| {
            runtime.block_on(run(steps));
            Ok(())
        })
        .unwrap();
}

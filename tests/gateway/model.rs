//! Random sequences of reads and changes by two callers, against a plain model: nobody ever reads a state from before
//! their own last change.

use std::collections::HashMap;

use ozeki_graphql::app::GatewayOptions;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use crate::support::{Caller, TestGateway};

/// What a caller does, to one of the conversations that both have.
#[derive(Clone, Copy, Debug)]
enum Step {
    Read,
    ReadUpstream,
    Mute(bool),
    Favorite(bool),
    Hide(bool),
    Color(u8),
    Send,
    View,
    Clear,
}

fn steps() -> impl Strategy<Value = Vec<(usize, usize, Step)>> {
    let step = prop_oneof![
        4 => Just(Step::Read),
        1 => Just(Step::ReadUpstream),
        1 => any::<bool>().prop_map(Step::Mute),
        1 => any::<bool>().prop_map(Step::Favorite),
        1 => any::<bool>().prop_map(Step::Hide),
        1 => (0_u8..3).prop_map(Step::Color),
        2 => Just(Step::Send),
        1 => Just(Step::View),
        1 => Just(Step::Clear),
    ];
    proptest::collection::vec((0_usize..2, 0_usize..2, step), 1..25)
}

/// What one caller set for a conversation.
#[derive(Clone, Debug, Default, PartialEq)]
struct Own {
    is_muted: bool,
    is_favorite: bool,
    is_hidden: bool,
    color: Option<String>,
}

/// A conversation as it truly is.
#[derive(Clone, Debug, Default)]
struct Truth {
    own: [Own; 2],
    /// The messages that were sent since the last clear; `None` while those of the demo are there.
    sent: Vec<String>,
    was_cleared: bool,
    /// Whether a caller's memory may lack what the other one did.
    is_behind: [bool; 2],
}

struct World {
    callers: [Caller; 2],
    chats: [String; 2],
    truth: HashMap<usize, Truth>,
}

impl World {
    async fn change(&self, who: usize, mutation: &str, input: &str, selection: &str) -> Value {
        let query =
            format!("mutation {{ change: {mutation}(input: {{{input}}}) {{ {selection} }} }}");
        self.callers[who].data(&query).await["change"].take()
    }

    async fn flag(&mut self, who: usize, chat: usize, mutation: &str, extra: &str) {
        let input = format!("id: \"{}\"{extra}", self.chats[chat]);
        self.change(who, mutation, &input, "conversation { id }").await;
        // The answer is the whole conversation, so what the other one did is known too.
        self.truth.get_mut(&chat).unwrap().is_behind[who] = false;
    }

    /// The caller's list is read anew at the next read.
    fn caught_up(&mut self, who: usize) {
        for truth in self.truth.values_mut() {
            truth.is_behind[who] = false;
        }
    }

    async fn run(&mut self, who: usize, chat: usize, step: Step) {
        let other = 1 - who;
        match step {
            Step::Read => {}
            Step::ReadUpstream => {
                let eager = self.callers[who].clone().with_header("cache-control", "no-cache");
                eager.data("{ conversations { totalCount } }").await;
                self.caught_up(who);
            }
            Step::Mute(on) => {
                let mutation = if on { "muteConversation" } else { "unmuteConversation" };
                self.flag(who, chat, mutation, "").await;
                self.truth.get_mut(&chat).unwrap().own[who].is_muted = on;
            }
            Step::Favorite(on) => {
                let mutation = if on { "favoriteConversation" } else { "unfavoriteConversation" };
                self.flag(who, chat, mutation, "").await;
                self.truth.get_mut(&chat).unwrap().own[who].is_favorite = on;
            }
            Step::Hide(on) => {
                let mutation = if on { "hideConversation" } else { "unhideConversation" };
                self.flag(who, chat, mutation, "").await;
                self.truth.get_mut(&chat).unwrap().own[who].is_hidden = on;
            }
            Step::Color(shade) => {
                let color = format!("#0000{shade:02x}");
                let extra = format!(", color: \"{color}\"");
                self.flag(who, chat, "setConversationColor", &extra).await;
                self.truth.get_mut(&chat).unwrap().own[who].color = Some(color);
            }
            Step::Send => {
                let input = format!("conversationId: \"{}\", data: \"YQ==\"", self.chats[chat]);
                let sent = self.change(who, "sendMessage", &input, "message { id }").await;
                let id = sent["message"]["id"].as_str().unwrap().to_owned();
                self.caught_up(who);
                let truth = self.truth.get_mut(&chat).unwrap();
                truth.sent.push(id);
                truth.is_behind[other] = true;
            }
            Step::View => {
                let Some(id) = self.truth[&chat].sent.last().cloned() else { return };
                if self.truth[&chat].is_behind[who] {
                    return;
                }
                let input =
                    format!("conversationId: \"{}\", messageIds: [\"{id}\"]", self.chats[chat]);
                self.change(who, "markViewed", &input, "messageIds").await;
                self.caught_up(who);
                self.truth.get_mut(&chat).unwrap().is_behind[other] = true;
            }
            Step::Clear => {
                let mutation = format!(
                    "mutation {{ clearConversation(input: {{id: \"{}\"}}) {{ conversation {{ id }} }} }}",
                    self.chats[chat]
                );
                let codes = self.callers[who].query(&mutation).await.codes();
                if !codes.is_empty() {
                    // What the caller wanted to clear was cleared by the other one, and messages may have come since.
                    assert_eq!(codes[0].0, "UPSTREAM_REJECTED");
                    assert!(self.truth[&chat].is_behind[who]);
                    self.caught_up(who);
                    return;
                }
                self.truth.get_mut(&chat).unwrap().is_behind[who] = false;
                let truth = self.truth.get_mut(&chat).unwrap();
                truth.sent.clear();
                truth.was_cleared = true;
                // Hidden is what names the present instance.
                truth.own.iter_mut().for_each(|own| own.is_hidden = false);
                truth.is_behind[other] = true;
            }
        }
    }

    /// Compares what a caller reads, from memory or not, with the truth.
    async fn check(&self, who: usize, chat: usize) {
        let truth = &self.truth[&chat];
        let query = format!(
            "{{ conversation(id: \"{}\") {{ isMuted isFavorite isHidden backgroundColor lastMessageId
                messages(last: 200) {{ nodes {{ id }} }} }} }}",
            self.chats[chat]
        );
        let read = self.callers[who].data(&query).await["conversation"].take();
        let own = &truth.own[who];
        assert_eq!(read["isMuted"], own.is_muted);
        assert_eq!(read["isFavorite"], own.is_favorite);
        if let Some(color) = &own.color {
            assert_eq!(read["backgroundColor"], color.as_str());
        }
        if truth.is_behind[who] {
            return;
        }
        assert_eq!(read["isHidden"], own.is_hidden);
        if let Some(last) = truth.sent.last() {
            assert_eq!(read["lastMessageId"], last.as_str());
        }
        let ids: Vec<&str> = read["messages"]["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| node["id"].as_str().unwrap())
            .collect();
        assert!(ids.ends_with(&truth.sent.iter().map(String::as_str).collect::<Vec<_>>()));
        if truth.was_cleared {
            assert_eq!(ids.len(), truth.sent.len());
        }
    }
}

/// Two conversations that alice and bob share, with what they set for them before.
async fn world(gateway: &TestGateway) -> World {
    let callers = [gateway.log_in("alice").await, gateway.log_in("bob").await];
    let bob = callers[1].data("{ viewer { id } }").await["viewer"]["id"].take();
    let query = format!(
        "{{ conversations(first: 2, filter: {{participantId: {bob}, isGroup: false}}) {{ nodes {{ id }} }} }}"
    );
    let shared = callers[0].data(&query).await["conversations"]["nodes"].take();
    let chats = [0, 1].map(|index| {
        shared[index]["id"].as_str().unwrap_or_else(|| shared[0]["id"].as_str().unwrap()).to_owned()
    });
    let mut truth = HashMap::new();
    for (index, chat) in chats.iter().enumerate() {
        let mut own = Vec::new();
        for caller in &callers {
            let query =
                format!("{{ conversation(id: \"{chat}\") {{ isMuted isFavorite isHidden }} }}");
            let read = caller.data(&query).await["conversation"].take();
            let is = |member: &str| read[member].as_bool().unwrap();
            own.push(Own {
                is_muted: is("isMuted"),
                is_favorite: is("isFavorite"),
                is_hidden: is("isHidden"),
                color: None,
            });
        }
        let own = own.try_into().unwrap();
        truth.insert(index, Truth { own, ..Truth::default() });
    }
    World { callers, chats, truth }
}

#[test]
fn no_read_shows_a_state_from_before_the_readers_own_change() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let steps = (steps(), any::<bool>());
    let mut runner = TestRunner::new(Config { cases: 24, ..Config::default() });
    runner
        .run(&steps, |(steps, keeps_answers)| {
            runtime.block_on(async {
                let keep =
                    |options: &mut GatewayOptions| options.cache.keeps_answers = keeps_answers;
                let gateway = TestGateway::start_with(keep).await;
                let mut world = world(&gateway).await;
                // One conversation must not be two of the model's.
                let is_one = world.chats[0] == world.chats[1];
                for (who, chat, step) in steps {
                    let chat = if is_one { 0 } else { chat };
                    world.run(who, chat, step).await;
                    world.check(who, chat).await;
                    world.check(1 - who, chat).await;
                }
            });
            Ok(())
        })
        .unwrap();
}

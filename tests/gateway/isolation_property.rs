//! Many callers at once, with right and wrong credentials, shared ids, logouts and expiries in between: whoever gets
//! data gets their own, and who proves nothing gets none.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use crate::isolation::{forwarding, forwarding_gateway};
use crate::support::{Caller, TestGateway};

const USERS: [&str; 4] = ["alice", "bob", "carol", "admin"];

fn email(user: usize) -> String {
    if USERS[user] == "admin" {
        "admin@ozeki.hu".to_owned()
    } else {
        format!("{}@example.com", USERS[user])
    }
}

fn key(user: usize) -> String {
    format!("{}-demo", USERS[user])
}

/// How someone asks.
#[derive(Clone, Copy, Debug)]
enum Credential {
    /// By one of the user's two sessions.
    Session(bool),
    /// By a signature that is made with this user's key.
    Forwarded {
        by: usize,
    },
    /// By the token of one of the user's sessions with its end cut off.
    AlteredToken,
    None,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Ask { user: usize, credential: Credential, query: usize },
    LogOut { user: usize, session: bool },
    LogIn { user: usize, session: bool },
    Wait(u64),
}

/// A step, and all that happens at the same time.
fn rounds() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let credential = prop_oneof![
        4 => any::<bool>().prop_map(Credential::Session),
        4 => (0..USERS.len()).prop_map(|by| Credential::Forwarded { by }),
        1 => Just(Credential::AlteredToken),
        1 => Just(Credential::None),
    ];
    let who = 0..USERS.len();
    let step = prop_oneof![
        20 => (who.clone(), credential, 0_usize..5)
            .prop_map(|(user, credential, query)| Step::Ask { user, credential, query }),
        1 => (who.clone(), any::<bool>())
            .prop_map(|(user, session)| Step::LogOut { user, session }),
        2 => (who, any::<bool>()).prop_map(|(user, session)| Step::LogIn { user, session }),
        1 => (1_u64..400).prop_map(Step::Wait),
    ];
    proptest::collection::vec(proptest::collection::vec(step, 1..30), 1..6)
}

/// What is asked, all of it about ids that several users know.
fn queries(shared: &str) -> [String; 5] {
    [
        "{ viewer { id } conversations(first: 200) { totalCount nodes { id secret instance lastMessageId isMuted participants { id name isViewer } } } }".to_owned(),
        "{ viewer { id } friends(first: 200) { totalCount nodes { id name availability publicKey } } }".to_owned(),
        format!("{{ viewer {{ id }} conversation(id: \"{shared}\") {{ id secret isMuted isFavorite isHidden messages(last: 3) {{ nodes {{ id data }} reports {{ id }} }} }} }}"),
        "{ viewer { id } blocklist { userIds conversationIds } }".to_owned(),
        "{ viewer { id } conversations(first: 3) { nodes { messages(last: 1) { nodes { id data } } participants { friend { id isAvailable } } } } }".to_owned(),
    ]
}

struct World {
    gateway: TestGateway,
    queries: [String; 5],
    /// What each user must get for each query.
    expected: HashMap<(usize, usize), Value>,
    tokens: HashMap<(usize, bool), String>,
}

impl World {
    async fn new(keeps_answers: bool) -> Self {
        let gateway = forwarding_gateway(keeps_answers).await;
        let alice = gateway.log_in("alice").await;
        let list = alice.data("{ conversations(first: 1) { nodes { id } } }").await;
        let queries = queries(list["conversations"]["nodes"][0]["id"].as_str().unwrap());
        let (mut expected, mut tokens) = (HashMap::new(), HashMap::new());
        for (user, name) in USERS.into_iter().enumerate() {
            // Each by a session of its own that nobody uses again.
            for (index, query) in queries.iter().enumerate() {
                let data = gateway.log_in(name).await.data(query).await;
                expected.insert((user, index), data);
            }
            for session in [false, true] {
                let token = gateway.anonymous().log_in(&key(user)).await;
                tokens.insert((user, session), token);
            }
        }
        Self { gateway, queries, expected, tokens }
    }

    fn caller(&self, user: usize, credential: Credential) -> Caller {
        let bearer = |token: &str| {
            self.gateway.anonymous().with_header("authorization", &format!("Bearer {token}"))
        };
        match credential {
            Credential::Session(session) => bearer(&self.tokens[&(user, session)]),
            Credential::Forwarded { by } => forwarding(&self.gateway, &email(user), &key(by)),
            Credential::AlteredToken => {
                let token = &self.tokens[&(user, false)];
                bearer(&token[..token.len() - 1])
            }
            Credential::None => self.gateway.anonymous(),
        }
    }

    /// Does one round's steps at the same time, and returns how many answers had data.
    async fn run(&mut self, round: &[Step]) -> usize {
        let mut asking = Vec::new();
        // At the end: a call that was dated before the clock moved would be refused as too old.
        let mut wait = Duration::ZERO;
        for step in round {
            match *step {
                Step::Ask { user, credential, query } => {
                    let (caller, text) =
                        (self.caller(user, credential), self.queries[query].clone());
                    let answer = tokio::spawn(async move { caller.query(&text).await });
                    asking.push((user, credential, query, answer));
                }
                Step::LogOut { user, session } => {
                    let caller = self.caller(user, Credential::Session(session));
                    caller.query("mutation { logout { viewerId } }").await;
                }
                Step::LogIn { user, session } => {
                    let token = self.gateway.anonymous().log_in(&key(user)).await;
                    self.tokens.insert((user, session), token);
                }
                Step::Wait(minutes) => wait += Duration::from_secs(minutes * 60),
            }
        }
        let mut with_data = 0;
        for (user, credential, query, answer) in asking {
            let json = answer.await.unwrap().json();
            let is_proved = match credential {
                // Whether it has ended by now is not what this is about.
                Credential::Session(_) => json.get("errors").is_none(),
                Credential::Forwarded { by } => by == user,
                Credential::AlteredToken | Credential::None => false,
            };
            if is_proved {
                assert_eq!(json["data"], self.expected[&(user, query)], "{credential:?}");
                with_data += 1;
            } else {
                assert!(json["errors"].is_array(), "{credential:?}: {json}");
                let data = json["data"].as_object().unwrap();
                // A forwarded user id is the caller's own claim, and all that an unproved one gets to read.
                let told =
                    data.iter().filter(|(name, value)| *name != "viewer" && !value.is_null());
                assert_eq!(told.count(), 0, "{credential:?}: {json}");
            }
        }
        self.gateway.clock.advance(wait);
        with_data
    }
}

#[test]
fn whoever_gets_data_gets_their_own_and_who_proves_nothing_gets_none() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let with_data = std::cell::Cell::new(0);
    for keeps_answers in [true, false] {
        let config = Config { cases: 4, failure_persistence: None, ..Config::default() };
        TestRunner::new(config)
            .run(&rounds(), |rounds| {
                runtime.block_on(async {
                    let mut world = World::new(keeps_answers).await;
                    for round in &rounds {
                        with_data.set(with_data.get() + world.run(round).await);
                    }
                });
                Ok(())
            })
            .unwrap();
    }
    assert!(with_data.get() > 0);
}

//! A client of server-sent events for tests.

use reqwest::Response;
use serde_json::{Value, json};

use super::{Caller, TestGateway, canaries};

/// An open event stream.
pub(crate) struct Events {
    pub(crate) response: Response,
    unread: String,
}

/// What came.
#[derive(Debug, PartialEq)]
pub(crate) enum Event {
    /// An event's name and data.
    Named(String, Value),
    /// A comment, which keeps the stream alive.
    Comment,
    /// The stream's end.
    End,
}

impl Events {
    /// Asks for an operation whose answers come as events.
    pub(crate) async fn ask(caller: &Caller, query: &str) -> Self {
        let caller = caller.clone().with_header("accept", "text/event-stream");
        let response = caller.begin(&json!({ "query": query })).await;
        Self { response, unread: String::new() }
    }

    /// The next event or comment.
    pub(crate) async fn next(&mut self) -> Event {
        loop {
            if let Some((block, rest)) = self.unread.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.unread = rest;
                return parse(&block);
            }
            match self.response.chunk().await {
                Ok(Some(chunk)) => {
                    let text = std::str::from_utf8(&chunk).unwrap();
                    canaries::look_through("an event", text);
                    self.unread += text;
                }
                Ok(None) => {
                    assert_eq!(self.unread, "", "an event without an end");
                    return Event::End;
                }
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    /// The data of the next `next` event.
    pub(crate) async fn answer(&mut self) -> Value {
        loop {
            match self.next().await {
                Event::Named(name, data) if name == "next" => return data,
                Event::Comment => {}
                other @ (Event::Named(..) | Event::End) => panic!("{other:?}"),
            }
        }
    }
}

fn parse(block: &str) -> Event {
    let field = |name: &str| {
        let mut lines = block.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let value = lines.next().map(|value| value.strip_prefix(' ').unwrap_or(value));
        assert_eq!(lines.next(), None, "{block}");
        value
    };
    match (field("event"), field("data")) {
        (None, None) => Event::Comment,
        (Some(name), Some("")) => Event::Named(name.to_owned(), Value::Null),
        (Some(name), Some(data)) => {
            Event::Named(name.to_owned(), serde_json::from_str(data).unwrap())
        }
        _ => panic!("{block}"),
    }
}

/// Someone who writes to someone else.
pub(crate) struct Writer {
    caller: Caller,
    conversation: String,
}

impl Writer {
    /// Bob, in the conversation that he and Alice have alone.
    pub(crate) async fn bob_to_alice(gateway: &TestGateway) -> Self {
        let caller = gateway.log_in("bob").await;
        let query = "{ conversations(first: 200, filter: { isGroup: false }) { nodes { id participants { name } } } }";
        let data = caller.data(query).await;
        let nodes = data["conversations"]["nodes"].as_array().unwrap();
        let has_alice = |node: &&Value| node["participants"].to_string().contains("\"Alice\"");
        let conversation = nodes.iter().find(has_alice).unwrap();
        Self { conversation: conversation["id"].as_str().unwrap().to_owned(), caller }
    }

    pub(crate) fn conversation(&self) -> &str {
        &self.conversation
    }

    /// Sends a message and returns its id.
    pub(crate) async fn write(&self, data: &str) -> String {
        let query =
            "mutation($input: SendMessageInput!) { sendMessage(input: $input) { message { id } } }";
        let input = json!({ "conversationId": self.conversation, "data": data });
        let body = json!({ "query": query, "variables": { "input": input } });
        let json = self.caller.post(&body).await.json();
        json["data"]["sendMessage"]["message"]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{json}"))
            .to_owned()
    }
}

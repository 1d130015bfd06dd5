//! What a bad upstream does to its clients.

use std::fmt::Write;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::sandbox::{Fault, Injection, Reply, Times};

const API: &str = "chatfriends";

fn friends_call() -> TestCall {
    TestCall::signed(API, LIST)
}

fn inject(sandbox: &TestSandbox, times: Times, fault: Fault) -> Injection {
    sandbox.sandbox.faults().inject(API, "list", times, fault)
}

/// Makes the call over a bare connection, to see every byte that comes back.
async fn bare(sandbox: &TestSandbox) -> TcpStream {
    let call = friends_call();
    let url = sandbox.sandbox.url();
    let address = url.socket_addrs(|| None).unwrap()[0];
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut head = format!("POST {}?{} HTTP/1.1\r\nhost: x\r\n", url.path(), call.query);
    for (name, value) in &call.headers {
        write!(head, "{name}: {}\r\n", value.to_str().unwrap()).unwrap();
    }
    write!(head, "content-length: {}\r\n\r\n", call.body.len()).unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&call.body).await.unwrap();
    stream
}

/// The promised length and the body's bytes up to the end of the connection.
async fn promised_and_sent(stream: &mut TcpStream) -> (usize, usize) {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let promised = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    (promised.unwrap().parse().unwrap(), body.len())
}

#[tokio::test]
async fn a_held_answer_comes_when_released() {
    let sandbox = TestSandbox::start().await;
    let injection = inject(&sandbox, Times::Next(1), Fault::new(Reply::Genuine).held());
    let release = async {
        injection.arrived(1).await;
        assert_eq!(sandbox.sandbox.journal().count(API, "list"), 1);
        injection.release();
    };
    let (answer, ()) = tokio::join!(sandbox.json(friends_call()), release);
    assert_eq!(answer["status"], "OK");
    assert_eq!((injection.arrivals(), sandbox.sandbox.faults().waiting()), (1, 0));
}

#[tokio::test]
async fn other_calls_are_answered_while_one_is_held() {
    let sandbox = TestSandbox::start().await;
    let injection = inject(&sandbox, Times::All, Fault::new(Reply::Genuine).held());
    let other = async {
        injection.arrived(1).await;
        let answer = sandbox.json(TestCall::signed("chatconversation", LIST)).await;
        injection.release();
        answer
    };
    let (held, other) = tokio::join!(sandbox.json(friends_call()), other);
    assert_eq!((&held["status"], &other["status"]), (&"OK".into(), &"OK".into()));
}

#[tokio::test]
async fn a_delayed_answer_comes_by_itself() {
    let sandbox = TestSandbox::start().await;
    let fault = Fault::new(Reply::Genuine).delayed(Duration::from_millis(1));
    inject(&sandbox, Times::Next(1), fault);
    assert_eq!(sandbox.json(friends_call()).await["status"], "OK");
}

#[tokio::test]
async fn scripted_answers_come_as_often_as_asked_then_genuine_ones() {
    let sandbox = TestSandbox::start().await;
    let unavailable = Reply::status(StatusCode::SERVICE_UNAVAILABLE, "<h1>busy</h1>");
    inject(&sandbox, Times::Next(2), Fault::new(unavailable));
    inject(&sandbox, Times::Next(1), Fault::new(Reply::json(r#"{"status":"NO"}"#)));
    for _ in 0..2 {
        let answer = sandbox.text(friends_call()).await;
        assert_eq!(answer, (StatusCode::SERVICE_UNAVAILABLE, "<h1>busy</h1>".into()));
    }
    assert_eq!(sandbox.json(friends_call()).await["status"], "NO");
    assert_eq!(sandbox.json(friends_call()).await["status"], "OK");
    assert_eq!(sandbox.sandbox.journal().count(API, "list"), 4);
}

#[tokio::test]
async fn an_oversized_body_has_the_size_that_was_asked_for_and_no_end() {
    const SIZE: usize = 300_000;
    let sandbox = TestSandbox::start().await;
    inject(&sandbox, Times::Next(1), Fault::new(Reply::Oversized { bytes: SIZE as u64 }));
    let mut response = sandbox.respond(friends_call()).await.unwrap();
    let mut length = 0;
    let end = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => length += chunk.len(),
            end => break end,
        }
    };
    assert!(end.is_err());
    assert!(length >= SIZE, "{length}");
}

#[tokio::test]
async fn an_endless_body_can_be_left() {
    let sandbox = TestSandbox::start().await;
    inject(&sandbox, Times::Next(1), Fault::new(Reply::Oversized { bytes: u64::MAX }));
    let mut response = sandbox.respond(friends_call()).await.unwrap();
    for _ in 0..10 {
        assert!(response.chunk().await.unwrap().is_some());
    }
    drop(response);
    assert_eq!(sandbox.json(friends_call()).await["status"], "OK");
}

#[tokio::test]
async fn a_closed_connection_carries_nothing() {
    let sandbox = TestSandbox::start().await;
    inject(&sandbox, Times::All, Fault::new(Reply::Closed));
    let mut bytes = Vec::new();
    bare(&sandbox).await.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes, b"");
    assert!(sandbox.respond(friends_call()).await.is_err());
}

#[tokio::test]
async fn a_truncated_answer_promises_more_than_it_sends() {
    let sandbox = TestSandbox::start().await;
    inject(&sandbox, Times::All, Fault::new(Reply::Truncated));
    let (promised, sent) = promised_and_sent(&mut bare(&sandbox).await).await;
    assert_eq!(sent, promised / 2);
    let response = sandbox.respond(friends_call()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.text().await.is_err());
}

#[tokio::test]
async fn a_stalled_answer_stays_half_until_the_sandbox_ends() {
    let sandbox = TestSandbox::start().await;
    let injection = inject(&sandbox, Times::All, Fault::new(Reply::Stalled));
    let mut stream = bare(&sandbox).await;
    injection.arrived(1).await;
    stream.readable().await.unwrap();
    let (read, ()) = tokio::join!(promised_and_sent(&mut stream), sandbox.sandbox.shutdown());
    assert_eq!(read.1, read.0 / 2);
}

#[tokio::test]
async fn a_held_answer_does_not_hold_up_the_end_of_the_sandbox() {
    let sandbox = TestSandbox::start().await;
    let injection = inject(&sandbox, Times::All, Fault::new(Reply::Genuine).held());
    let mut stream = bare(&sandbox).await;
    injection.arrived(1).await;
    sandbox.sandbox.shutdown().await;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes, b"");
}

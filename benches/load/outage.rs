//! An upstream that is killed for a minute while people go on asking: what they get, when all is well again, and whether
//! what they missed is asked all at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::JoinSet;

use crate::http::Connection;
use crate::load::count;
use crate::stage::{Stage, log_in, requests};

/// People, each of whom asks once a second; and how many of them take nothing from memory.
const PEOPLE: usize = 200;
const PERIOD: Duration = Duration::from_secs(1);
const WITHOUT_MEMORY: usize = 10;

const BEFORE: Duration = Duration::from_secs(30);
const DOWN: Duration = Duration::from_secs(60);
const AFTER: Duration = Duration::from_secs(20);

/// What of the time before is looked at: the beginning is busier than usual.
const STEADY: Duration = Duration::from_secs(15);

/// How long after the server's return the last error may come.
const RECOVERY_MAX: Duration = Duration::from_secs(5);

/// The default deadline of a request and what it may be exceeded by.
const DEADLINE: Duration = Duration::from_millis(15_100);

const QUERY: &str =
    "{ conversations(first: 5) { nodes { id } } friends(first: 5) { nodes { id } } }";

/// When something was asked and answered, and what came.
struct Answered {
    asked: Instant,
    at: Instant,
    what: String,
}

pub(crate) async fn outage(stage: &Stage) {
    let (gateway, _) = stage.gateway(&[]).await;
    // Numbers that no other row uses.
    let tokens = log_in(gateway.address, 6_000_000..6_000_000 + PEOPLE).await;
    let fresh = requests(&tokens[..WITHOUT_MEMORY], QUERY, &[("cache-control", "no-cache")]);
    let usual = requests(&tokens[WITHOUT_MEMORY..], QUERY, &[]);
    let start = Instant::now();
    let (killed, returned) = (start + BEFORE, start + BEFORE + DOWN);
    let mut people = JoinSet::new();
    for (number, request) in fresh.iter().chain(usual.iter()).enumerate() {
        let offset = PERIOD.mul_f64(count(number) / count(PEOPLE));
        people.spawn(ask(gateway.address, request.clone(), start + offset, returned + AFTER));
    }
    let mut calls: Vec<(Instant, usize)> = Vec::new();
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    let mut is_down = false;
    while Instant::now() < returned + AFTER {
        let now = ticks.tick().await.into_std();
        if is_down != (killed..returned).contains(&now) {
            is_down = !is_down;
            stage.standin.set_down(is_down);
        }
        calls.push((Instant::now(), stage.standin.all_calls()));
    }
    let mut answers = Vec::new();
    while let Some(own) = people.join_next().await {
        answers.extend(own.unwrap());
    }
    tell(&answers, &calls, killed, returned);
}

async fn ask(to: SocketAddr, request: Vec<u8>, first: Instant, until: Instant) -> Vec<Answered> {
    let mut connection = Connection::open(to).await.unwrap();
    let mut ticks = tokio::time::interval_at(first.into(), PERIOD);
    let mut answers = Vec::new();
    while Instant::now() < until {
        // Who had to wait asks at once, as often as was missed: the rate is kept.
        let asked = ticks.tick().await.into_std().max(first);
        let sent = Instant::now().max(asked);
        let reply = connection.exchange(&request).await.unwrap();
        let json: Value = serde_json::from_slice(reply.body).unwrap();
        let what = match (
            json["errors"][0]["extensions"]["code"].as_str(),
            &json["extensions"]["stale"],
        ) {
            (Some(code), _) => code.to_owned(),
            (None, Value::Null) => "fresh".to_owned(),
            (None, _) => "stale".to_owned(),
        };
        assert!(what == "fresh" || what == "stale" || what.starts_with("UPSTREAM_"), "{json}");
        answers.push(Answered { asked: sent, at: Instant::now(), what });
    }
    answers
}

fn tell(answers: &[Answered], calls: &[(Instant, usize)], killed: Instant, returned: Instant) {
    let calls_by = |moment: Instant| {
        calls.iter().take_while(|(at, _)| *at <= moment).last().map_or(0, |it| it.1)
    };
    let calls_in = |from: Instant, time: Duration| calls_by(from + time) - calls_by(from);
    let quiet = killed.checked_sub(STEADY).unwrap();
    let steady = count(calls_in(quiet, STEADY)) / STEADY.as_secs_f64();
    // The last look before a call was seen.
    let is_silent = |look: &&(Instant, usize)| look.0 < returned || look.1 == calls_by(returned);
    let first_call = calls.iter().take_while(is_silent).last().map_or(returned, |look| look.0);
    let first_second = calls_in(first_call, PERIOD).max(calls_in(returned, PERIOD));
    let seconds: Vec<_> =
        (0..8).map(|second| calls_in(returned + PERIOD * second, PERIOD)).collect();
    let since_return = |answer: &Answered| answer.at.saturating_duration_since(returned);
    let last = |is_meant: fn(&str) -> bool| {
        answers.iter().filter(|it| is_meant(&it.what)).map(since_return).max().unwrap_or_default()
    };
    let (last_error, last_stale) =
        (last(|what| what.starts_with("UPSTREAM_")), last(|what| what == "stale"));
    let slowest = answers.iter().map(|answer| answer.at - answer.asked).max().unwrap_or_default();
    let mut kinds = BTreeMap::<_, usize>::new();
    for answer in answers {
        let when = if answer.at < killed {
            "before"
        } else if answer.at < returned {
            "during"
        } else {
            "after"
        };
        *kinds.entry((when, &*answer.what)).or_default() += 1;
    }
    println!();
    println!(
        "Outage of {} s under {PEOPLE} requests/s: {kinds:?}; the slowest answer took {:.0} ms. After the server's return the last error came at {:.1} s and the last stale answer at {:.1} s. Upstream calls: {steady:.0} a second before, {first_second} in the first second after, {seconds:?} in those from the return on.",
        DOWN.as_secs(),
        slowest.as_secs_f64() * 1000.0,
        last_error.as_secs_f64(),
        last_stale.as_secs_f64(),
    );
    println!();
    assert!(slowest <= DEADLINE, "an answer came after its deadline");
    assert!(last_error <= RECOVERY_MAX, "errors go on");
    assert!(count(first_second) <= 2.0 * steady, "a herd");
}

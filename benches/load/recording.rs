//! Each kind of work for a while, for a gateway that was built to record which paths it takes.

use std::sync::Arc;

use crate::attack;
use crate::load::{Order, closed_loop};
use crate::rows::UNLIMITED;
use crate::stage::{BOTH, ONE, Stage, ask_each, log_in, login, requests};
use crate::standin;

/// Connections, each of a caller of its own.
const CONNECTIONS: usize = 64;

/// Answers from memory, answers that need the upstream, documents that are refused, and logins; then the gateway ends in
/// good order, which is when it writes what it recorded.
pub(crate) async fn record(stage: &Stage) {
    let (mut gateway, _) = stage.gateway(&UNLIMITED).await;
    let tokens = log_in(gateway.address, 0..CONNECTIONS).await;
    let no_cache = [("cache-control", "no-cache")];
    let logins = (0..CONNECTIONS).map(|number| login(&standin::user(number))).collect();
    let kinds = [
        requests(&tokens, ONE, &[]),
        requests(&tokens, BOTH, &[]),
        requests(&tokens, ONE, &no_cache),
        requests(&tokens, BOTH, &no_cache),
        Arc::new(logins),
    ];
    for requests in kinds {
        ask_each(gateway.address, &requests).await;
        let slice = closed_loop(&gateway, &requests, Order::Own, CONNECTIONS, stage.slice).await;
        assert_eq!(slice.refused, 0, "answers that were no 200");
    }
    let refused = Arc::new(attack::refused());
    let slice = closed_loop(&gateway, &refused, Order::Own, CONNECTIONS, stage.slice).await;
    println!("The last of six kinds of work: {:.0} requests a second.\n", slice.per_second());
    gateway.stop();
}

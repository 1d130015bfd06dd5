//! `/graphql` over `WebSocket`s: graphql-transport-ws by its specification.
//!
//! [`protocol`] reads and writes messages, [`dialogue`] knows what a message means at which point, [`operations`] runs
//! operations, [`outbox`] bounds what waits to be sent, and [`socket`] drives them all in one task for each socket.

mod closing;
mod dialogue;
mod operations;
mod outbox;
mod protocol;
mod socket;
#[cfg(test)]
mod tests;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN, UPGRADE};
use axum::response::Response;
use tracing::Instrument;

use super::HttpOptions;
use super::endpoint::Asker;
use super::error::RequestError;
use super::turns::Standing;
use crate::telemetry::StreamKind;
use protocol::SUBPROTOCOL;
use socket::Socket;

/// The longest message of a client, in bytes: twice the longest document that is common, with variables.
const MESSAGE_MAX_BYTES: usize = 64 << 10;

/// What is read at once, in bytes: an idle socket holds as much.
const READ_BUFFER_BYTES: usize = 4 << 10;

/// Whether a GET request asks for a WebSocket.
pub(super) fn is_asked_for(headers: &HeaderMap) -> bool {
    let values = headers.get_all(UPGRADE).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|it| it.trim().eq_ignore_ascii_case("websocket"))
}

/// Opens a socket and serves it in a task of its own.
pub(super) fn open(
    options: &HttpOptions,
    asker: Asker,
    standing: Standing,
    headers: &HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, RequestError> {
    // A browser lets any page open a WebSocket to anywhere, and asks nobody; it tells the page's origin.
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    if !options.origins.permits(headers.get(ORIGIN), host) {
        return Err(RequestError::OriginRefused);
    }
    let upgrade = upgrade.map_err(|rejection| RequestError::NoWebSocketHandshake {
        what: what_is_wrong(&rejection),
    })?;
    let streams = &options.streams;
    let place = streams.take_place(StreamKind::WebSocket).ok_or(RequestError::TooManyStreams)?;
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(MESSAGE_MAX_BYTES)
        .max_frame_size(MESSAGE_MAX_BYTES);
    let is_spoken = upgrade.selected_protocol().is_some();
    let socket = Socket::new(options, asker, standing.clone(), place, is_spoken);
    // From now on, so that a shutdown waits for it also while the connection is being upgraded.
    let tracked = streams.tracker().token();
    let span = tracing::Span::current();
    Ok(upgrade.on_upgrade(move |connection| {
        let serving = async move {
            socket.run(connection).await;
            drop(tracked);
        };
        standing.by_turns(serving.instrument(span))
    }))
}

fn what_is_wrong(rejection: &WebSocketUpgradeRejection) -> &'static str {
    match rejection {
        WebSocketUpgradeRejection::InvalidConnectionHeader(_) => "`Connection` must be `upgrade`",
        WebSocketUpgradeRejection::InvalidUpgradeHeader(_) => "`Upgrade` must be `websocket`",
        WebSocketUpgradeRejection::InvalidWebSocketVersionHeader(_) => {
            "`Sec-WebSocket-Version` must be `13`"
        }
        WebSocketUpgradeRejection::WebSocketKeyHeaderMissing(_) => "`Sec-WebSocket-Key` is missing",
        WebSocketUpgradeRejection::MethodNotGet(_)
        | WebSocketUpgradeRejection::MethodNotConnect(_)
        | WebSocketUpgradeRejection::InvalidProtocolPseudoheader(_)
        | WebSocketUpgradeRejection::ConnectionNotUpgradable(_)
        | _ => "the connection cannot be upgraded",
    }
}

/// Reads a message as a socket does.
#[cfg(any(test, fuzzing))]
pub(super) fn read_by_fuzzer(text: &str) {
    use super::credentials::presented_in;
    use closing::Closing;
    use protocol::ClientMessage;

    match ClientMessage::parse(text) {
        Ok(ClientMessage::Init(payload)) => {
            let _ = presented_in(&payload.unwrap_or_default());
        }
        Ok(ClientMessage::Subscribe(id, _)) => {
            assert!(Closing::DuplicateOperation(id).frame().is_some());
        }
        Ok(ClientMessage::Ping(_) | ClientMessage::Pong | ClientMessage::Complete(_)) => {}
        Err(error) => {
            let frame = Closing::Invalid(error).frame();
            assert!(frame.is_some_and(|frame| frame.reason.len() <= 123), "the reason is too long");
        }
    }
}

//! What one connection may cost, and how many there may be.

use std::time::Duration;

/// Bounds of connections; the defaults are for frontends.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// How many connections are open at once; further ones wait in the system's queue until one ends.
    ///
    /// In total and not for each address: a company's proxy is one address.
    pub connections_max: usize,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long the head of a request may take from its first byte, and the first one from the start.
    pub head_timeout: Duration,
    /// How long a connection without a request is kept.
    pub idle_timeout: Duration,
    /// How long a client may leave an answer unread: in this time it must take 16 KiB of what waits.
    pub write_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            // As many as sockets of subscriptions are planned for; at some 50 KiB each they take half a gigabyte.
            connections_max: 10_000,
            // Three round trips over a bad mobile link, with a lost packet each.
            handshake_timeout: Duration::from_secs(10),
            // A head fits into a few packets.
            head_timeout: Duration::from_secs(10),
            // Longer than the sixty seconds for which common proxies keep a connection: it is they who close it then,
            // and no request meets a closing connection.
            idle_timeout: Duration::from_secs(75),
            // A train goes through a tunnel in less.
            write_timeout: Duration::from_secs(30),
        }
    }
}

impl ConnectionLimits {
    /// For the admin address, where a scraper or two and a person come.
    pub fn of_admin() -> Self {
        Self { connections_max: 64, ..Self::default() }
    }
}

/// What a client must take of an answer in one [`write_timeout`](ConnectionLimits::write_timeout): half a kilobyte a
/// second, below any link on which a person would wait.
pub(super) const WRITE_PROGRESS_MIN_BYTES: usize = 16 * 1024;

/// How long an HTTP/1 client that has closed its side is taken for one that only sends no more, and waits for its answer:
/// most answers are there by then. One that has gone keeps the place of its operation for so long.
pub(super) const HALF_CLOSED_MAX: Duration = Duration::from_millis(500);

/// How long a connection that is being closed may take to finish what it has begun to write.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest head of a request: the longest URL that HTTP libraries take, which a query by GET may fill.
pub(super) const HEAD_MAX_BYTES: usize = 64 * 1024;

/// Requests at once on one HTTP/2 connection: the least that RFC 9113 recommends, and what browsers expect.
pub(super) const STREAMS_MAX: u32 = 100;

/// Streams that a client opened and reset before we looked: more is the flood called rapid reset.
pub(super) const RESET_STREAMS_PENDING_MAX: usize = 20;

/// Streams that we had to reset for the client's faults, until the connection is closed.
pub(super) const RESET_STREAMS_OF_OURS_MAX: usize = 100;

/// How much of a body may be under way before it is read; the largest default body in one flight.
pub(super) const STREAM_WINDOW_BYTES: u32 = 256 * 1024;

/// The same for all streams of a connection together.
pub(super) const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// How much of one answer is kept for sending.
pub(super) const SEND_BUFFER_MAX_BYTES: usize = 64 * 1024;

/// How often an HTTP/2 connection is asked whether it lives, and how long it may take to say so.
pub(super) const PING_INTERVAL: Duration = Duration::from_secs(20);

/// The first and the longest pause after `accept` has failed, as it does when the process has no descriptor left.
pub(super) const ACCEPT_PAUSES: (Duration, Duration) =
    (Duration::from_millis(10), Duration::from_secs(1));

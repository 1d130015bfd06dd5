//! What is kept in memory, and for how long.

use std::time::Duration;

use super::reader::Reader;

/// Some fifty thousand callers with a few hundred conversations would need more; a small company needs a tenth.
pub(super) const MAX_BYTES_DEFAULT: &str = "256MiB";

/// Notices keep lists true where somebody listens; elsewhere a list is at most this much behind.
pub(super) const CONVERSATIONS_TIME_TO_LIVE_DEFAULT: &str = "10s";

/// As for conversations: presence is what changes, and it comes with the same call.
pub(super) const FRIENDS_TIME_TO_LIVE_DEFAULT: &str = "10s";

/// A list that nothing changes is read twelve times in an hour; longer would only make a lost notice last.
pub(super) const LIVE_TIME_TO_LIVE_DEFAULT: &str = "5m";

/// Longer than a server takes to restart; a person who sees older data than this is better told that there is none.
pub(super) const STALE_TIME_TO_LIVE_DEFAULT: &str = "10m";

/// As late as a message may be without a conversation feeling slow.
pub(super) const NOTIFICATION_INTERVAL_DEFAULT: &str = "1s";

/// The cache of what callers read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheConfig {
    /// All cached values together, in bytes · `OZEKI_GRAPHQL_CACHE_MAX_BYTES` · 256MiB · from 1MiB.
    pub max_bytes: u64,
    /// How long a list of conversations is fresh · `OZEKI_GRAPHQL_CONVERSATIONS_TIME_TO_LIVE` · 10s · 0s to 1h.
    pub conversations_time_to_live: Duration,
    /// How long a list of friends is fresh · `OZEKI_GRAPHQL_FRIENDS_TIME_TO_LIVE` · 10s · 0s to 1h.
    pub friends_time_to_live: Duration,
    /// How long both lists are fresh while notices tell what changes · `OZEKI_GRAPHQL_LIVE_TIME_TO_LIVE` · 5m · 0s to 1h;
    /// 0s: no longer than otherwise, and only subscribers are told.
    pub live_time_to_live: Duration,
    /// How old what is shown may be while the Ozeki server is down · `OZEKI_GRAPHQL_STALE_TIME_TO_LIVE` · 10m · 0s to 1h;
    /// 0s: nothing is.
    pub stale_time_to_live: Duration,
    /// The shortest time between two polls of a station's notices · `OZEKI_GRAPHQL_NOTIFICATION_INTERVAL` · 1s · 100ms
    /// to 1m.
    pub notification_interval: Duration,
}

impl CacheConfig {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let max_bytes = reader.size("cache_max_bytes");
        let conversations_time_to_live = reader.duration("conversations_time_to_live");
        let friends_time_to_live = reader.duration("friends_time_to_live");
        let live_time_to_live = reader.duration("live_time_to_live");
        let stale_time_to_live = reader.duration("stale_time_to_live");
        let notification_interval = reader.duration("notification_interval");
        Some(Self {
            max_bytes: max_bytes?,
            conversations_time_to_live: conversations_time_to_live?,
            friends_time_to_live: friends_time_to_live?,
            live_time_to_live: live_time_to_live?,
            stale_time_to_live: stale_time_to_live?,
            notification_interval: notification_interval?,
        })
    }
}

//! What the page is told when it loads.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde::Serialize;

/// What the page starts with: where it sends operations, with which headers, in which tabs.
///
/// It has no `Debug`, since `headers` may hold a session token.
#[derive(Clone, Serialize)]
pub struct Settings {
    /// Where operations go, as a path on this host: `/graphql`.
    pub endpoint: String,
    /// Request headers, shown in the headers editor of every tab; empty where users bring their own credential.
    pub headers: BTreeMap<String, String>,
    /// The tabs to open. With none, the page opens as the user left it.
    pub tabs: Vec<Tab>,
    /// A sentence shown above the editors, such as who is signed in.
    pub notice: Option<String>,
}

impl Settings {
    /// A page without headers, tabs or notice.
    pub fn new(endpoint: impl Into<String>) -> Self {
        Self { endpoint: endpoint.into(), headers: BTreeMap::new(), tabs: Vec::new(), notice: None }
    }
}

/// One operation that the page opens in a tab of its own.
#[derive(Clone, Debug, Serialize)]
pub struct Tab {
    /// What the operation shows, in a few words: the first line of the editor (the tab itself is named after the
    /// operation).
    pub title: String,
    /// The document, best with one named operation.
    pub query: String,
    /// An object of variables, or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variables: Option<serde_json::Value>,
}

/// Tells the settings for each load of the page; cheap to clone.
#[derive(Clone)]
pub struct SettingsSource(Arc<dyn Fn() -> BoxFuture<'static, Settings> + Send + Sync>);

impl SettingsSource {
    /// Asks `source` anew for each load of the page, for headers that expire.
    ///
    /// It cannot fail: where something is missing, the settings' `notice` says what.
    pub fn new<F, S>(source: F) -> Self
    where
        F: Fn() -> S + Send + Sync + 'static,
        S: Future<Output = Settings> + Send + 'static,
    {
        Self(Arc::new(move || source().boxed()))
    }

    /// The same settings for every load.
    pub fn fixed(settings: Settings) -> Self {
        Self::new(move || std::future::ready(settings.clone()))
    }

    pub(super) async fn settings(&self) -> Settings {
        (self.0)().await
    }
}

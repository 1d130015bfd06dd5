//! The queries that the playground opens with.

use super::Tab;

/// The tabs, in order; the first one runs as it stands for whoever has a session.
const TABS: [(&str, &str); 4] = [
    ("Inbox: one request for a screen", include_str!("tabs/inbox.graphql")),
    ("Friends: filters, orders, pages", include_str!("tabs/friends.graphql")),
    ("Live: what changes, as it changes", include_str!("tabs/live.graphql")),
    ("Login: begin a session", include_str!("tabs/login.graphql")),
];

/// The tabs for a page that opens with a session; `login` stands last.
pub fn tabs() -> Vec<Tab> {
    let tab = |(title, query): (&str, &str)| Tab {
        title: title.to_owned(),
        query: query.to_owned(),
        variables: None,
    };
    TABS.map(tab).into()
}

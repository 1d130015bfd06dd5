//! Which parts of an answer are from before the upstream went down.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_graphql::{Context, Name, QueryPathSegment, Response, Value};

/// The root fields below which something stale is shown, with the age of the oldest; shared by all clones.
///
/// Bounded by the root fields of one operation.
#[derive(Clone, Debug, Default)]
pub(super) struct Stale(Arc<Mutex<BTreeMap<String, Duration>>>);

impl Stale {
    /// Notes that the field, or a part of it, is so old.
    pub(super) fn note(&self, context: &Context<'_>, age: Duration) {
        let Some(path) = &context.path_node else { return };
        let root = path.parents().last().unwrap_or(path);
        let QueryPathSegment::Name(key) = root.segment else { return };
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = noted.entry(key.to_owned()).or_insert(age);
        *oldest = age.max(*oldest);
    }

    /// Tells in `extensions.stale` the path and the age, in whole seconds, of each part; nothing where none is stale.
    pub(super) fn tell(&self, response: &mut Response) {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.is_empty() {
            return;
        }
        let entry = |(key, age): (&String, &Duration)| {
            let path = Value::List(vec![Value::from(key.as_str())]);
            let age = Value::from(age.as_secs());
            let members = [(Name::new("path"), path), (Name::new("ageSeconds"), age)];
            Value::Object(members.into_iter().collect())
        };
        let told = Value::List(noted.iter().map(entry).collect());
        response.extensions.insert("stale".to_owned(), told);
    }
}

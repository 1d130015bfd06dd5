//! What the command `check` tries.

use std::path::Path;

use zeroize::Zeroizing;

use super::fault::Fault;
use super::file::read_bounded;
use super::reader::Reader;
use super::sources::Origin;
use super::upstream::UpstreamUrl;
use crate::ozeki::ApiKey;

/// The longest API key with room for blanks around it.
const KEY_FILE_MAX_BYTES: u64 = 4096;

/// The server that `check` calls and the key it tries to log in with.
#[derive(Clone, Debug)]
pub struct CheckConfig {
    /// The base URL of the Ozeki API · `OZEKI_GRAPHQL_UPSTREAM_URL` · no default.
    pub upstream_url: UpstreamUrl,
    /// The key, if a login is to be tried · `OZEKI_GRAPHQL_CHECK_API_KEY`, or a file that
    /// `OZEKI_GRAPHQL_CHECK_API_KEY_FILE` names · none.
    pub api_key: Option<ApiKey>,
}

impl CheckConfig {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let upstream_url = UpstreamUrl::read(reader);
        let api_key = read_key(reader);
        Some(Self { upstream_url: upstream_url?, api_key })
    }
}

fn read_key(reader: &mut Reader) -> Option<ApiKey> {
    const VALUE: &str = "check_api_key";
    const FILE: &str = "check_api_key_file";
    let value = reader.secret(VALUE);
    let file = reader.secret(FILE);
    if let (Some(value), Some(file)) = (&value, &file) {
        reader.add_fault(Fault::new(format!(
            "{VALUE} (--api-key, OZEKI_GRAPHQL_CHECK_API_KEY) and {FILE} (--api-key-file, \
             OZEKI_GRAPHQL_CHECK_API_KEY_FILE) are both set, by {} and {}: give only one of them",
            value.origin, file.origin
        )));
    }
    if let Some(given) = value {
        if matches!(given.origin, Origin::Flag(_)) {
            reader.warn(
                "the API key stands on the command line, where process lists show it: \
                 use --api-key-file or the variable OZEKI_GRAPHQL_CHECK_API_KEY",
            );
        }
        let key = ApiKey::parse(&given.text).ok();
        if key.is_none() {
            reader.refuse_as(VALUE, "a text that can be none", &given.origin);
        }
        return key;
    }
    let given = file?;
    let text = read_bounded(Path::new(&given.text), KEY_FILE_MAX_BYTES).map(Zeroizing::new);
    let found = match text.map(|text| ApiKey::parse(&text)) {
        Ok(Ok(key)) => return Some(key),
        Ok(Err(_)) => "a file that holds none".to_owned(),
        // The path may be a key that was given to the wrong flag.
        Err(error) => format!("a path that cannot be read ({error})"),
    };
    reader.refuse_as(FILE, &found, &given.origin);
    None
}

//! Where traces are sent, and how many.

use super::reader::Reader;
use super::upstream::UpstreamUrl;

/// All: a gateway with more requests than its collector takes is told how many.
pub(super) const SHARE_DEFAULT: &str = "1";

pub(super) const SHARE_FORM: &str = "a number from 0 to 1, such as 0.05";

/// What the endpoint must be.
const ENDPOINT_EXPECTED: &str =
    "the http or https URL of a collector of traces, such as http://collector.example:4318";

/// The traces.
#[derive(Clone, Debug, PartialEq)]
pub struct TracesConfig {
    /// Where they are sent, if anywhere · `OZEKI_GRAPHQL_TRACE_ENDPOINT` · none · http or https.
    pub endpoint: Option<UpstreamUrl>,
    /// The share of requests whose traces are kept · `OZEKI_GRAPHQL_TRACE_SHARE` · 1 · 0 to 1.
    pub share: f64,
}

impl TracesConfig {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let endpoint = reader.parse_optional("trace_endpoint", |text| {
            UpstreamUrl::parse(text).map_err(|_| ENDPOINT_EXPECTED.to_owned())
        });
        let share = reader.parse("trace_share", |text| {
            let share = text.trim().parse().ok().filter(|share| (0.0..=1.0).contains(share));
            share.ok_or_else(|| SHARE_FORM.to_owned())
        });
        Some(Self { endpoint: endpoint.ok()?, share: share? })
    }
}

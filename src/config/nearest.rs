//! The known name that a mistyped one was meant to be.

/// Longer than any name of ours; it bounds the cost of a comparison.
const COMPARED_MAX_BYTES: usize = 64;

/// Below this similarity (0 to 1) a suggestion misleads more than it helps: `host` is not `cache`.
const SIMILARITY_MIN: f64 = 0.4;

/// Finds the name among `known` that is most like `name`, if any is like it.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > COMPARED_MAX_BYTES {
        return None;
    }
    known
        .into_iter()
        .map(|candidate| {
            let similarity = strsim::normalized_damerau_levenshtein(name, candidate);
            (similarity, candidate)
        })
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["listen", "admin_listen", "upstream_url", "request_timeout"];

    #[test]
    fn a_mistyped_name_is_recognised() {
        for (name, expected) in [
            ("lisen", Some("listen")),
            ("upstream_ulr", Some("upstream_url")),
            ("upstreamurl", Some("upstream_url")),
            ("timeout", Some("request_timeout")),
            ("wholly-else", None),
        ] {
            assert_eq!(nearest(name, KNOWN), expected, "{name}");
        }
    }

    #[test]
    fn an_endless_name_is_not_compared() {
        assert_eq!(nearest(&"listen".repeat(20), KNOWN), None);
    }
}

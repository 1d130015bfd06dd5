//! `traceparent` and `tracestate`: which trace a request belongs to, as W3C's "Trace Context" writes it.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::id::{SpanId, TraceId, lower_hex};

pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub(super) const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// A version, two ids and the flags, with dashes between. Source: Trace Context, "traceparent Header Field Values".
const TRACEPARENT_BYTES: usize = 55;

/// What must at least be handed on. What is longer is dropped. Source: Trace Context, "tracestate Limits".
const TRACESTATE_MAX_BYTES: usize = 512;

/// The flag of a trace that whoever asks keeps.
const SAMPLED: u8 = 1;

/// What whoever asks says of the trace that the request belongs to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TraceParent {
    pub(super) trace: TraceId,
    pub(super) span: SpanId,
    pub(super) is_sampled: bool,
    /// What others need along the way; handed on as it came.
    pub(super) state: Option<HeaderValue>,
}

impl TraceParent {
    /// Reads the headers of a request. What does not keep to the standard counts as absent.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut given = headers.get_all(TRACEPARENT).iter();
        let text = given.next()?.to_str().ok()?;
        if given.next().is_some() {
            return None;
        }
        let fields = match text.get(TRACEPARENT_BYTES..)? {
            "" => text,
            // A later version may say more.
            more if more.starts_with('-') && !text.starts_with("00") => &text[..TRACEPARENT_BYTES],
            _ => return None,
        };
        let mut fields = fields.split('-');
        let mut next = || fields.next();
        let (version, trace, span, flags) = (next()?, next()?, next()?, next()?);
        lower_hex(version, 2).filter(|version| *version != "ff")?;
        let flags = u8::from_str_radix(lower_hex(flags, 2)?, 16).ok()?;
        Some(Self {
            trace: TraceId::parse(trace)?,
            span: SpanId::parse(span)?,
            is_sampled: flags & SAMPLED != 0,
            state: state_of(headers),
        })
    }
}

/// What `tracestate` says, its lines as one.
fn state_of(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut values = headers.get_all(TRACESTATE).iter();
    let first = values.next()?;
    let is_plain = |value: &HeaderValue| {
        let bytes = value.as_bytes();
        bytes.len() <= TRACESTATE_MAX_BYTES && bytes.iter().all(|byte| (b' '..=b'~').contains(byte))
    };
    let mut whole = first.clone();
    for value in values {
        if !is_plain(&whole) {
            return None;
        }
        let joined = [whole.as_bytes(), b",", value.as_bytes()].concat();
        whole = HeaderValue::from_bytes(&joined).ok()?;
    }
    (is_plain(&whole) && !whole.is_empty()).then_some(whole)
}

/// The text that tells a server which span asks it.
pub(super) fn written(trace: TraceId, span: SpanId, is_sampled: bool) -> HeaderValue {
    let text = format!("00-{trace}-{span}-{:02x}", u8::from(is_sampled));
    HeaderValue::try_from(text).expect("hex digits and dashes are visible ASCII")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(given: &[(HeaderName, &str)]) -> HeaderMap {
        given.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    fn parent(text: &str) -> Option<TraceParent> {
        TraceParent::of(&headers(&[(TRACEPARENT, text)]))
    }

    #[test]
    fn what_is_written_is_read() {
        let read = parent(GOOD).unwrap();
        assert!(read.is_sampled);
        assert_eq!(written(read.trace, read.span, true), GOOD);
        let unsampled = GOOD.replace("-01", "-00");
        assert!(!parent(&unsampled).unwrap().is_sampled);
        assert_eq!(written(read.trace, read.span, false), unsampled.as_str());
    }

    #[test]
    fn what_a_later_version_adds_is_passed_over() {
        let later = GOOD.replacen("00", "cc", 1);
        assert_eq!(parent(&later), parent(GOOD));
        assert_eq!(parent(&format!("{later}-what-comes")), parent(GOOD));
        // Flags that are not known say nothing of the one that is.
        assert_eq!(parent(&GOOD.replace("-01", "-ff")), parent(GOOD));
    }

    #[test]
    fn what_the_standard_forbids_counts_as_absent() {
        let zero_trace = GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32));
        for text in [
            "",
            "00",
            &GOOD[..54],
            &format!("{GOOD}-"),
            &format!("{GOOD}-00"),
            &format!("{GOOD}0"),
            &format!("{}x", GOOD.replacen("00", "cc", 1)),
            &GOOD.to_uppercase(),
            &GOOD.replacen("00", "ff", 1),
            &GOOD.replacen("00", "0x", 1),
            &GOOD.replacen("00", "+1", 1),
            &zero_trace,
            &GOOD.replace("00f067aa0ba902b7", "0000000000000000"),
            &GOOD.replace("4bf9", "+bf9"),
            &GOOD.replace("-01", "-0g"),
            &GOOD.replace('-', "_"),
            &GOOD.replacen('-', "", 1).replace("-01", "--01"),
        ] {
            assert_eq!(parent(text), None, "{text}");
        }
        let twice = headers(&[(TRACEPARENT, GOOD), (TRACEPARENT, GOOD)]);
        assert_eq!(TraceParent::of(&twice), None);
    }

    #[test]
    fn a_state_is_handed_on_as_it_came_within_its_bounds() {
        let state = |values: &[&str]| {
            let mut given = vec![(TRACEPARENT, GOOD)];
            given.extend(values.iter().map(|value| (TRACESTATE, *value)));
            let state = TraceParent::of(&headers(&given)).unwrap().state;
            state.map(|state| state.to_str().unwrap().to_owned())
        };
        let longest = "a".repeat(TRACESTATE_MAX_BYTES);
        assert_eq!(state(&["a=1, b=~ x"]).as_deref(), Some("a=1, b=~ x"));
        assert_eq!(state(&["a=1", "b=2"]).as_deref(), Some("a=1,b=2"));
        assert_eq!(state(&[&longest]), Some(longest.clone()));
        for values in [&[][..], &[""], &[&longest, "b"], &[&format!("{longest}b")], &["a\tb"]] {
            assert_eq!(state(values), None, "{values:?}");
        }
        let alone = headers(&[(TRACESTATE, "a=1")]);
        assert_eq!(TraceParent::of(&alone), None);
    }

    proptest! {
        #[test]
        fn no_header_is_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let _ = TraceParent::of(&HeaderMap::from_iter([(TRACEPARENT, value)]));
            }
        }
    }
}

//! Which content coding an answer gets, by the request's `Accept-Encoding` (RFC 9110, section 12.5.3).

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// The codings a file is kept in, the smallest first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Encoding {
    Brotli,
    Gzip,
    Identity,
}

impl Encoding {
    /// The coding that the caller weighs highest; of equal weights the smallest file wins.
    ///
    /// Identity is chosen where nothing is said, and also where everything is refused: an unwanted coding that
    /// every client can read is better than no answer.
    pub(super) fn negotiate(headers: &HeaderMap) -> Self {
        let weights = Weights::read(headers);
        let brotli = weights.brotli.or(weights.any).unwrap_or(0.0);
        let gzip = weights.gzip.or(weights.any).unwrap_or(0.0);
        let identity = weights.identity.unwrap_or(0.0);
        if brotli > 0.0 && brotli >= gzip && brotli >= identity {
            Self::Brotli
        } else if gzip > 0.0 && gzip >= identity {
            Self::Gzip
        } else {
            Self::Identity
        }
    }

    /// The value of `Content-Encoding`; none for identity.
    pub(super) fn header_value(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }
}

#[derive(Default)]
struct Weights {
    brotli: Option<f32>,
    gzip: Option<f32>,
    identity: Option<f32>,
    any: Option<f32>,
}

impl Weights {
    fn read(headers: &HeaderMap) -> Self {
        let mut weights = Self::default();
        let lines = headers.get_all(ACCEPT_ENCODING).iter();
        for entry in lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')) {
            let (coding, parameters) = entry.split_once(';').unwrap_or((entry, ""));
            let weight = Some(weight(parameters));
            match coding.trim().to_ascii_lowercase().as_str() {
                "br" => weights.brotli = weight,
                "gzip" | "x-gzip" => weights.gzip = weight,
                "identity" => weights.identity = weight,
                "*" => weights.any = weight,
                _ => {}
            }
        }
        weights
    }
}

/// The `q` of an entry, 1 where there is none; what is not a number is no wish.
fn weight(parameters: &str) -> f32 {
    let parameter = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    match parameter.map(str::parse::<f32>) {
        None => 1.0,
        Some(Ok(weight)) if (0.0..=1.0).contains(&weight) => weight,
        Some(_) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiate(accept_encoding: &str) -> Encoding {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, accept_encoding.parse().unwrap());
        Encoding::negotiate(&headers)
    }

    #[test]
    fn the_smallest_of_equally_welcome_codings_is_chosen() {
        assert_eq!(negotiate("gzip, deflate, br, zstd"), Encoding::Brotli);
        assert_eq!(negotiate("gzip, deflate"), Encoding::Gzip);
        assert_eq!(negotiate("*"), Encoding::Brotli);
    }

    #[test]
    fn weights_are_respected() {
        assert_eq!(negotiate("br;q=0.5, gzip;q=0.8"), Encoding::Gzip);
        assert_eq!(negotiate("br;q=0, *"), Encoding::Gzip);
        assert_eq!(negotiate("BR ; Q=0.9 , gzip;q=0.1"), Encoding::Brotli);
        assert_eq!(negotiate("identity, gzip;q=0.5"), Encoding::Identity);
    }

    #[test]
    fn a_caller_that_reads_neither_coding_gets_the_plain_file() {
        assert_eq!(Encoding::negotiate(&HeaderMap::new()), Encoding::Identity);
        assert_eq!(negotiate("deflate"), Encoding::Identity);
        assert_eq!(negotiate(""), Encoding::Identity);
        assert_eq!(negotiate("br;q=0, gzip;q=0"), Encoding::Identity);
        assert_eq!(negotiate("br;q=NaN, gzip;q=7"), Encoding::Identity);
    }

    #[test]
    fn several_header_lines_count_as_one() {
        let mut headers = HeaderMap::new();
        headers.append(ACCEPT_ENCODING, "br;q=0".parse().unwrap());
        headers.append(ACCEPT_ENCODING, "gzip".parse().unwrap());
        assert_eq!(Encoding::negotiate(&headers), Encoding::Gzip);
    }
}

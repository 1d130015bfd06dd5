//! The recipe of `Ozeki-Signature`.

use super::reader::Reader;
use crate::ozeki::signature::Recipe;

/// As the other two: a guess that is easily replaced, since the vendor publishes no recipe. See [`Recipe`].
pub(super) const ALGORITHM_DEFAULT: &str = "md5";

/// The body, so that nothing in it can be changed, and the key, so that nobody else can sign.
pub(super) const PAYLOAD_DEFAULT: &str = "{body}{key}";

/// As the vendor writes ids and keys.
pub(super) const ENCODING_DEFAULT: &str = "hex";

pub(super) const ALGORITHM_FORM: &str = "md5, sha1, sha256, hmac-md5, hmac-sha1 or hmac-sha256";

pub(super) const PAYLOAD_FORM: &str = "a template of named parts, such as {body}{key|md5}";

pub(super) const ENCODING_FORM: &str = "hex, HEX or base64";

/// Reads the recipe: an algorithm · `OZEKI_GRAPHQL_SIGNATURE_ALGORITHM` · md5, of a payload ·
/// `OZEKI_GRAPHQL_SIGNATURE_PAYLOAD` · `{body}{key}`, in an encoding · `OZEKI_GRAPHQL_SIGNATURE_ENCODING` · hex.
pub(super) fn read(reader: &mut Reader) -> Option<Recipe> {
    let algorithm = reader
        .parse("signature_algorithm", |text| text.parse().map_err(|_| ALGORITHM_FORM.to_owned()));
    let payload = reader.parse("signature_payload", |text| {
        text.parse().map_err(|error| format!("{PAYLOAD_FORM}: {error}"))
    });
    let encoding = reader
        .parse("signature_encoding", |text| text.parse().map_err(|_| ENCODING_FORM.to_owned()));
    Some(Recipe { algorithm: algorithm?, payload: payload?, encoding: encoding? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ozeki::signature::{Algorithm, Encoding};

    #[test]
    fn the_default_texts_are_the_default_recipe() {
        let recipe = Recipe {
            algorithm: ALGORITHM_DEFAULT.parse().unwrap(),
            payload: PAYLOAD_DEFAULT.parse().unwrap(),
            encoding: ENCODING_DEFAULT.parse().unwrap(),
        };
        assert_eq!(recipe, Recipe::default());
    }

    #[test]
    fn the_forms_name_every_word_that_is_taken() {
        for algorithm in Algorithm::ALL {
            assert!(ALGORITHM_FORM.contains(algorithm.name()));
        }
        for encoding in Encoding::ALL {
            assert!(ENCODING_FORM.contains(encoding.name()));
        }
    }
}

//! `schema`: prints the SDL.

/// The text of `schema.graphql`.
pub(super) fn text() -> String {
    crate::graphql::sdl()
}

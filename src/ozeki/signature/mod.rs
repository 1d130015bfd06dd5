//! The signature of a call, made by a configurable recipe.

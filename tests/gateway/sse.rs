//! graphql-sse.

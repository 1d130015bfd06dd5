# The gateway on Debian, run by a user without a name. Build: docker build -t ozeki-graphql .

FROM node:24-trixie-slim AS node

FROM rust:1.95-slim-trixie AS build
# The build script makes the playground with Node and npm.
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules /usr/local/lib/node_modules
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
# For the record by which the program is laid out. Where a network keeps it away the program is a little slower.
RUN rustup component add llvm-tools || true
WORKDIR /build
COPY . .
# An image without the playground would be built as well, so look whether it is there, each time that it was made.
RUN deploy/build /build/ozeki-graphql \
  && test -z "$(grep -L 'assets/index-' target/*/dist/build/ozeki-graphql-*/out/playground_assets.rs)"

FROM debian:trixie-slim
# To trust the certificate of an upstream that is reached by https.
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates \
  && rm -rf /var/lib/apt/lists/*
COPY --from=build /build/ozeki-graphql /usr/local/bin/ozeki-graphql
COPY LICENSE-APACHE LICENSE-MIT /usr/share/doc/ozeki-graphql/
# A number, so that an orchestrator can tell that it is not root.
USER 10001:10001
# Within the container; which ports are published, and to whom, is decided outside.
ENV OZEKI_GRAPHQL_LISTEN=0.0.0.0:8080 OZEKI_GRAPHQL_ADMIN_LISTEN=0.0.0.0:9090 OZEKI_GRAPHQL_LOG_FORMAT=json
EXPOSE 8080 9090
# For Docker and Compose; Kubernetes asks /livez and /readyz itself.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["ozeki-graphql", "health"]
ENTRYPOINT ["ozeki-graphql"]
CMD ["serve"]

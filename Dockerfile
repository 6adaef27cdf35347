# syntax=docker/dockerfile:1.7
# Subtotal Connect in an image without a shell, as a user without rights. docs/deploying.md says how to run it.
#
#   docker build --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse HEAD) -t subtotal-connect .

FROM rust:1.95-bookworm AS build
WORKDIR /build
# The dependencies in a layer of their own, which stays as long as the manifests do: with empty crates in place of ours.
COPY Cargo.toml Cargo.lock ./
COPY migrations/Cargo.toml migrations/Cargo.toml
RUN mkdir -p src migrations/src benches examples tests/api \
    && echo 'fn main() {}' | tee src/main.rs benches/inbox.rs examples/errors_page.rs tests/api/main.rs >/dev/null \
    && touch src/lib.rs migrations/src/lib.rs \
    && cargo build --locked --profile dist --lib --bin subtotal-connect
COPY migrations migrations
COPY templates templates
COPY extensions extensions
COPY src src
# Cargo goes by times, and those of the sources may be older than the empty crates.
RUN find src migrations/src -name '*.rs' -exec touch {} + \
    && cargo build --locked --profile dist --bin subtotal-connect \
    && install -D -m 0755 target/dist/subtotal-connect /out/usr/local/bin/subtotal-connect \
    && install -d -m 0700 /out/data

# glibc, libgcc, CA certificates and time zones; neither a shell nor a package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Subtotal Connect" \
      org.opencontainers.image.description="Self-hostable Shopify app-proxy backend for Subtotal account linking" \
      org.opencontainers.image.source="https://github.com/subtotal-connect/subtotal-connect" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build /out/usr/local/bin/subtotal-connect /usr/local/bin/subtotal-connect
COPY LICENSE-APACHE LICENSE-MIT /usr/share/doc/subtotal-connect/
WORKDIR /data
# A volume, so that SQLite's file outlives the container.
VOLUME ["/data"]
ENV BIND_ADDR=0.0.0.0 \
    PORT=3000 \
    DATABASE_URL=sqlite:///data/subtotal-connect.db?mode=rwc \
    LOG_FORMAT=json
EXPOSE 3000
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/usr/local/bin/subtotal-connect", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/subtotal-connect"]
CMD ["serve"]

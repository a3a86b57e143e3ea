# syntax=docker/dockerfile:1
# The production image: one program, without the sandbox (its Cargo feature is
# not named here), run by a user who owns nothing but the data folder.

FROM node:22-trixie-slim AS pages
WORKDIR /build/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci
COPY web ./
# `state` keeps the marks reserved to services of the State; see README, Brand.
ARG VISIOPLAINTE_IDENTITY=
RUN npm run build

FROM rust:1.95-slim-trixie AS program
WORKDIR /build
COPY . .
COPY --from=pages /build/web/dist web/dist
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --locked --release \
    && install -D -t /out target/release/visioplainte

FROM debian:trixie-slim
RUN useradd --system --uid 10001 --user-group --create-home --home-dir /var/lib/visioplainte visioplainte
COPY --from=program /out/visioplainte /usr/local/bin/visioplainte
# The national list, for `visioplainte communes`.
COPY --from=pages /build/web/node_modules/@etalab/decoupage-administratif/data/departements.json \
                  /build/web/node_modules/@etalab/decoupage-administratif/data/communes.json \
                  /usr/local/share/visioplainte/communes/
COPY --chmod=755 deploy/healthcheck.sh /usr/local/bin/healthcheck
COPY LICENSE-APACHE LICENSE-MIT /usr/share/doc/visioplainte/
USER 10001:10001
WORKDIR /var/lib/visioplainte
ENV VISIOPLAINTE_LISTEN=0.0.0.0:8080 \
    VISIOPLAINTE_DATA_DIR=/var/lib/visioplainte \
    VISIOPLAINTE_LOG_FORMAT=json
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["healthcheck", "8080"]
ENTRYPOINT ["visioplainte"]
CMD ["serve"]

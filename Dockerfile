# attachlink in a container: docker build -t attachlink . (docker-compose.yml runs it)

# Of the same Debian as the image below: what is linked here must find the same glibc there.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# The caches live outside of the image, so the binary is copied out of them. Two builds at once would spoil one target.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --locked --release \
    && install -D target/release/attachlink /out/attachlink \
    && mkdir /out/data

# glibc, libgcc, OpenSSL that nothing here uses, and certificates: no shell, no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/attachlink /attachlink
# A named volume takes the owner of the directory that it covers.
COPY --from=build --chown=65532:65532 /out/data /data
# Inside a container the loopback address is reached by nobody else. What is published is docker-compose.yml's choice:
# only the public port may be reached from other machines.
ENV ATTACHLINK_DATA_DIR=/data \
    ATTACHLINK_PUBLIC_LISTEN=0.0.0.0:8080 \
    ATTACHLINK_API_LISTEN=0.0.0.0:8081 \
    ATTACHLINK_OPS_LISTEN=0.0.0.0:9090 \
    ATTACHLINK_LOG_FORMAT=json
VOLUME /data
EXPOSE 8080 8081 9090
# "nonroot", by its number: so it can be told to be no root without a look into /etc/passwd.
USER 65532:65532
# /readyz of the ops listener: database and store answer.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["/attachlink", "healthcheck"]
ENTRYPOINT ["/attachlink"]
CMD ["serve"]

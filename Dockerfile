# Terrace as a small image: built in the first stage, run by a numeric user without rights in the second.
#
#   docker build -t terrace .
#   docker run -p 6379:6379 -v terrace:/data terrace
#   docker run -v ./terrace.toml:/etc/terrace.toml terrace /etc/terrace.toml
#   docker run terrace --maxmemory 1gb --maxmemory-policy allkeys-lru
#
# Settings come as arguments, as a configuration file or from the environment (-e TERRACE_MAXMEMORY=1gb). Whoever
# changes the port does so with -e TERRACE_PORT=..., as the health check reads the environment only.

FROM debian:bookworm-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
    g++ cmake ninja-build pkg-config libuv1-dev liburing-dev libmimalloc-dev libtomlplusplus-dev
WORKDIR /source
COPY . .
RUN cmake --preset release -DTERRACE_TESTS=OFF \
  && cmake --build build/release --target terrace-server \
  && strip build/release/src/server/terrace-server

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends libuv1 liburing2 libmimalloc2.0 \
  && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/* \
  && mkdir /data && chown 999:999 /data
COPY --from=build /source/build/release/src/server/terrace-server /usr/local/bin/terrace-server
COPY integration/docker/entrypoint.sh /usr/local/bin/terrace-entrypoint
USER 999:999
VOLUME /data
WORKDIR /data
EXPOSE 6379
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["terrace-server", "healthcheck"]
ENTRYPOINT ["terrace-entrypoint"]

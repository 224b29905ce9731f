#!/usr/bin/env bash
# Builds the Dockerfile without a Docker engine and talks to the result: buildah with chroot isolation, on a base image
# made by debootstrap, as no registry is needed then. Wants root; installs buildah and debootstrap where they miss.
# Everything lies in build/docker and may be removed. Checked: the image builds; the server runs as a numeric user
# without rights, answers on its port from outside, reports health, takes options, files and other commands as the
# entrypoint promises, writes into /data only, and ends in order.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$top/build/docker
port=${PORT:-16379}
image=localhost/terrace
base=docker.io/library/debian:bookworm-slim

b() { buildah --root "$work/store" --runroot "$work/run" --storage-driver vfs "$@"; }
say() { echo "== $*"; }
fail() { echo "FAILED: $*" >&2; exit 1; }

install_tools() {
  local missing=() tool
  for tool in buildah debootstrap; do command -v "$tool" >/dev/null || missing+=("$tool"); done
  ((${#missing[@]})) || return 0
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# The machine's own mirror serves the base image too.
mirror() {
  sed -nE 's/^URIs: *([^ ]+).*/\1/p; s/^deb (\[[^]]*\] )?([^ ]+).*/\2/p' \
    /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null | head -1
}

import_base() {
  b inspect --type image "$base" >/dev/null 2>&1 && return
  rm -rf "$work/base"
  debootstrap --variant=minbase bookworm "$work/base" "$(mirror)" >"$work/debootstrap.log" 2>&1 ||
    { tail -20 "$work/debootstrap.log"; fail "debootstrap"; }
  rm -rf "$work"/base/var/cache/apt/archives/*.deb "$work"/base/var/lib/apt/lists/*
  local container
  container=$(b from scratch)
  b add -q "$container" "$work/base" /
  b commit -q "$container" "$base" >/dev/null
  b rm "$container" >/dev/null
  rm -rf "$work/base"
}

# ask REQUEST: the first line of the answer of whoever listens on the port.
ask() {
  local line
  exec 3<>"/dev/tcp/127.0.0.1/$port" || return 1
  printf '%s\r\n' "$1" >&3
  IFS= read -r -t 5 line <&3 || true
  exec 3>&-
  printf '%s\n' "${line%$'\r'}"
}

in_container() { b run --isolation chroot "$@"; }

# serve CONTAINER ARGUMENT...: the image's entrypoint in the background, until it answers.
serve() {
  local container=$1 try
  shift
  in_container --env "TERRACE_PORT=$port" "$container" -- terrace-entrypoint "$@" >"$work/server.log" 2>&1 &
  server=$!
  for ((try = 0; try < 100; ++try)); do
    [[ $(ask PING 2>/dev/null) == +PONG ]] && return
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  cat "$work/server.log"
  fail "no answer to PING from: terrace-entrypoint $*"
}

# The user of the one terrace-server that has our port in its environment.
server_uid() {
  local process
  for process in /proc/[0-9]*; do
    [[ $(cat "$process/comm" 2>/dev/null) == terrace-server ]] || continue
    grep -qzx "TERRACE_PORT=$port" "$process/environ" && stat -c %u "$process"
  done
}

# stop: SHUTDOWN, then the exit code of the container's first process.
stop() {
  ask SHUTDOWN >/dev/null || true
  wait "$server" || { cat "$work/server.log"; fail "the server ended with an error"; }
}

check_image() {
  local container config
  config=$(b inspect --type image "$image")
  for word in '"User": "999:999"' '"6379/tcp"' '"/data"' '"healthcheck"' '"terrace-entrypoint"'; do
    grep -qF "$word" <<<"$config" || fail "the image's configuration lacks $word"
  done
  container=$(b from --pull-never "$image")

  say "without arguments: run, ping, health, data folder, end"
  serve "$container"
  [[ $(ask 'SET greeting hello') == +OK ]] || fail "SET"
  [[ $(ask 'STRLEN greeting') == :5 ]] || fail "STRLEN"
  in_container --env "TERRACE_PORT=$port" "$container" -- terrace-server healthcheck || fail "healthcheck says no"
  [[ $(server_uid) == 999 ]] || fail "the server's user is not 999"
  stop
  if in_container --env "TERRACE_PORT=$port" "$container" -- terrace-server healthcheck >/dev/null 2>&1; then
    fail "healthcheck says yes without a server"
  fi

  say "options and configuration files go to the server, other words are commands"
  serve "$container" --maxmemory 50mb
  [[ $(ask 'CONFIG GET maxmemory') == '*2' ]] || fail "CONFIG GET"
  stop
  in_container "$container" -- sh -c 'printf "maxclients 77\n" >/data/redis.conf && printf "[clients]\nmaxclients = 78\n" >/data/terrace.toml'
  for file in redis.conf terrace.toml; do
    serve "$container" "/data/$file"
    stop
  done
  [[ $(in_container "$container" -- terrace-entrypoint sh -c 'id -u') == 999 ]] || fail "a command of its own"
  if in_container "$container" -- sh -c 'touch /usr/local/bin/x' 2>/dev/null; then fail "the user may write outside /data"; fi
  b rm "$container" >/dev/null
}

((EUID == 0)) || exec sudo --preserve-env=PORT "$0" "$@"
mkdir -p "$work"
say "tools and base image"
install_tools
import_base
say "build"
b build --isolation chroot --pull-never --format docker -q -t "$image" "$top" >"$work/build.log" 2>&1 ||
  { tail -40 "$work/build.log"; fail "the image does not build"; }
size=$(b images --format '{{.Size}}' "$image")
check_image
echo "docker image of $size: all checks passed"

#!/bin/sh
# The image's first process. Options and configuration files go to the server; any other word is a command of its own,
# so that `docker run -it terrace sh` looks around.
set -e
umask 0077

case ${1:-} in
  "" | -* | *.conf | *.toml) set -- terrace-server "$@" ;;
esac

# Docker decides who reaches a container; protected mode would refuse everybody outside it. Whoever speaks of it, in
# the arguments, the file or the environment, is obeyed.
if [ "$1" = terrace-server ] && [ -z "${TERRACE_PROTECTED_MODE:-}" ]; then
  case "$*" in
    *--protected-mode*) ;;
    *) grep -qsE '^[[:space:]]*protected[-_]mode' "${2:-/dev/null}" || export TERRACE_PROTECTED_MODE=no ;;
  esac
fi

exec "$@"

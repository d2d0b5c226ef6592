#!/bin/sh
# Takes what upstream's entrypoint takes: a program, or only flags for memcached.
set -eu
case ${1:-memcached} in
-*) set -- memcached "$@" ;;
esac
exec "$@"

#!/bin/sh
# Takes what upstream's entrypoint takes: a program, as root or as a user.
set -eu

if [ "${1:-}" = rabbitmq-server ]; then
    # Erlang makes a table as long as the limit of open files: the engine's default costs memory.
    ulimit -n 65536 2>/dev/null || true
    if [ "$(id -u)" = 0 ]; then
        find /var/lib/rabbitmq ! -user rabbitmq -exec chown rabbitmq:rabbitmq {} +
        set -- setpriv --reuid rabbitmq --regid rabbitmq --init-groups "$@"
    fi
fi
exec "$@"

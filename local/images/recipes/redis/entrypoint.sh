#!/bin/sh
# Takes what upstream's entrypoint takes: a program, or only flags or a file for redis-server.
set -eu

case ${1:-redis-server} in
-* | *.conf) set -- redis-server "$@" ;;
esac

if [ "$1" = redis-server ]; then
    shift
    file=
    case ${1:-} in
    *.conf)
        file=$1
        shift
        ;;
    esac
    # Upstream's build listens to its network without a password; Debian's has to be told. What the
    # caller says of it comes later and wins.
    set -- redis-server ${file:+"$file"} --protected-mode no "$@"
    if [ "$(id -u)" = 0 ]; then
        find . ! -user redis -exec chown redis:redis {} +
        export HOME=/data
        exec setpriv --reuid redis --regid redis --init-groups "$@"
    fi
fi
exec "$@"

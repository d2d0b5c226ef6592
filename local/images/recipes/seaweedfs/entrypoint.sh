#!/bin/sh
# Takes what upstream's entrypoint takes: a command of `weed` and its flags, as root or as a user.
set -eu

# A fresh volume belongs to root; the server does not run as root.
if [ "$(id -u)" = 0 ]; then
    if [ "$(stat -c %u:%g /data)" != "$(id -u seaweed):$(id -g seaweed)" ]; then
        chown -R seaweed:seaweed /data
    fi
    export HOME=/data
    exec setpriv --reuid seaweed --regid seaweed --init-groups "$0" "$@"
fi

# Whether a flag, or the flag with a value, is among the arguments.
passed() {
    flag=$1
    shift
    for argument in "$@"; do
        case $argument in
        "$flag" | "$flag"=*) return 0 ;;
        esac
    done
    return 1
}

# What is added comes first: the same flag given by the caller is read later and wins.
command=${1:-}
case $command in
master)
    shift
    set -- -mdir=/data -volumePreallocate -volumeSizeLimitMB=1024 "$@"
    ;;
volume)
    shift
    passed -max "$@" || set -- -max=0 "$@"
    set -- -dir=/data "$@"
    ;;
server)
    shift
    passed -volume.max "$@" || set -- -volume.max=0 "$@"
    set -- -dir=/data -master.volumePreallocate -master.volumeSizeLimitMB=1024 "$@"
    ;;
filer)
    shift
    ;;
s3)
    shift
    set -- -domainName="${S3_DOMAIN_NAME:-}" -key.file="${S3_KEY_FILE:-}" \
        -cert.file="${S3_CERT_FILE:-}" "$@"
    ;;
*)
    exec /usr/bin/weed "$@"
    ;;
esac
exec /usr/bin/weed -logtostderr=true "$command" "$@"

#!/bin/sh
# Upstream's build reads names and passwords from the text file MEMCACHED_SASL_PWDB (`name@realm:password`
# lines). Debian's asks the SASL library: the file is put into a database of that.
set -eu
if [ -n "${MEMCACHED_SASL_PWDB:-}" ]; then
    sasl=$(mktemp -d)
    printf '%s\n' 'mech_list: plain' 'pwcheck_method: auxprop' 'auxprop_plugin: sasldb' \
        "sasldb_path: $sasl/db" >"$sasl/memcached.conf"
    while IFS=: read -r name password; do
        printf %s "$password" | saslpasswd2 -p -c -f "$sasl/db" -u "${name#*@}" "${name%%@*}"
    done <"$MEMCACHED_SASL_PWDB"
    export SASL_CONF_PATH="$sasl"
fi
exec /usr/bin/memcached "$@"

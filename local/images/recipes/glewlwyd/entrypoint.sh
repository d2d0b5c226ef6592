#!/bin/sh
# Waits for the database, makes the tables where there are none, and starts the server.
# Needs GLWD_DATABASE_POSTGRE_CONNINFO (`host=… dbname=… user=… password=…`) and GLWD_EXTERNAL_URL.
set -eu

if [ "${1:-}" != glewlwyd ]; then
    exec "$@"
fi

# By a file, since arguments can be read by every process.
umask 077
# The first process of a container ignores what it does not handle.
trap 'exit 143' TERM
export PGSERVICE=glewlwyd PGSERVICEFILE=/tmp/service.conf PGCONNECT_TIMEOUT=5
{
    echo '[glewlwyd]'
    printf '%s\n' "$GLWD_DATABASE_POSTGRE_CONNINFO" | tr -s ' ' '\n'
} >"$PGSERVICEFILE"

until psql -qc 'SELECT 1' >/dev/null; do
    sleep 0.5
done
schema=/usr/share/dbconfig-common/data/glewlwyd/install
if [ "$(psql -qAtc "SELECT to_regclass('g_user_module_instance') IS NULL")" = t ]; then
    # In one transaction: a start that is cut off leaves nothing that looks complete.
    psql -q -v ON_ERROR_STOP=1 --single-transaction \
        -c 'CREATE EXTENSION IF NOT EXISTS pgcrypto' -f "$schema/pgsql" -f "$schema/postgre.default.sql"
fi
if [ -n "${GLEWLWYD_ADMIN_PASSWORD:-}" ]; then
    psql -q -v ON_ERROR_STOP=1 <<'SQL'
\getenv password GLEWLWYD_ADMIN_PASSWORD
UPDATE g_user_password SET guw_password = crypt(:'password', gen_salt('bf'))
 WHERE gu_id = (SELECT gu_id FROM g_user WHERE gu_username = 'admin')
   AND guw_password = crypt('password', guw_password);
SQL
fi
rm -f "$PGSERVICEFILE"
# The server's own library would look for the file too.
unset PGSERVICE PGSERVICEFILE PGCONNECT_TIMEOUT

export GLWD_DATABASE_TYPE=postgre
exec glewlwyd --config-file=/etc/glewlwyd/glewlwyd.conf --env-variables --log-mode=console

#!/bin/bash
# Starts PostgreSQL; where PGDATA is empty, makes the cluster first, by the upstream image's variables.
set -Eeuo pipefail

# The value of a variable, or of the file that its _FILE twin names.
setting() {
  local file="${1}_FILE"
  if [ -n "${!file:-}" ]; then cat "${!file}"; else printf '%s' "${!1:-${2:-}}"; fi
}

run_initialisers() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case "$file" in
      *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
      *.sql) query --dbname "$POSTGRES_DB" --file "$file" ;;
      *.sql.gz) gunzip -c "$file" | query --dbname "$POSTGRES_DB" ;;
      *.sql.xz) xzcat "$file" | query --dbname "$POSTGRES_DB" ;;
      *.sql.zst) zstdcat "$file" | query --dbname "$POSTGRES_DB" ;;
    esac
  done
}

query() { psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --no-password "$@"; }

initialise() {
  local method="${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}"
  if [ -z "$POSTGRES_PASSWORD" ] && [ "$method" != trust ]; then
    echo 'The database is empty and no superuser password is given: set POSTGRES_PASSWORD.' >&2
    exit 1
  fi
  local options=(--username="$POSTGRES_USER" --pgdata="$PGDATA")
  [ -z "${POSTGRES_INITDB_WALDIR:-}" ] || options+=(--waldir="$POSTGRES_INITDB_WALDIR")
  # The password goes by a pipe that lives as long as initdb does.
  [ -z "$POSTGRES_PASSWORD" ] || exec 3< <(printf '%s\n' "$POSTGRES_PASSWORD")
  [ -z "$POSTGRES_PASSWORD" ] || options+=(--pwfile=/dev/fd/3)
  eval "initdb \"\${options[@]}\" ${POSTGRES_INITDB_ARGS:-}"
  [ -z "$POSTGRES_PASSWORD" ] || exec 3<&-
  printf '\nhost all all all %s\n' "$method" >> "$PGDATA/pg_hba.conf"

  # No TCP meanwhile: a health check over TCP must not see this server.
  pg_ctl --pgdata="$PGDATA" -o "$(printf '%q ' "$@" -c listen_addresses= -p "${PGPORT:-5432}")" -w start
  if [ "$POSTGRES_DB" != postgres ]; then
    query --dbname postgres --set db="$POSTGRES_DB" <<< 'CREATE DATABASE :"db";'
  fi
  run_initialisers
  pg_ctl --pgdata="$PGDATA" -m fast -w stop
  echo 'PostgreSQL init process complete; ready for start up.'
}

[ "${1:0:1}" != - ] || set -- postgres "$@"
if [ "$1" != postgres ]; then exec "$@"; fi

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA"
  find "$PGDATA" \! -user postgres -exec chown postgres:postgres '{}' +
  exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  POSTGRES_USER="$(setting POSTGRES_USER postgres)"
  POSTGRES_PASSWORD="$(setting POSTGRES_PASSWORD)"
  POSTGRES_DB="$(setting POSTGRES_DB "$POSTGRES_USER")"
  export POSTGRES_USER POSTGRES_DB
  shift
  initialise "$@"
  set -- postgres "$@"
fi
unset POSTGRES_PASSWORD
exec "$@"

#!/bin/bash
# Starts the server; where its folder is empty, makes the system tables first, by the upstream
# image's variables.
set -Eeuo pipefail

DATA=/var/lib/mysql
SOCKET=/var/run/mysqld/mysqld.sock

# The value of a variable, or of the file that its _FILE twin names.
setting() {
  local file="${1}_FILE"
  if [ -n "${!file:-}" ]; then cat "${!file}"; else printf '%s' "${!1:-}"; fi
}

# A value as an SQL literal.
literal() { printf "'%s'" "$(printf '%s' "$1" | sed -e 's/\\/\\\\/g' -e "s/'/''/g")"; }
# A name as an SQL identifier.
name() { printf '`%s`' "${1//\`/\`\`}"; }

accounts() {
  local root_host="${MYSQL_ROOT_HOST:-%}"
  echo "SET @@SESSION.SQL_LOG_BIN = 0;"
  # Accounts of the installer that have no password and go before root@'%'.
  echo "DELETE FROM mysql.global_priv WHERE User = 'root' AND Host <> 'localhost' OR User = '';"
  echo "DELETE FROM mysql.proxies_priv WHERE Host <> 'localhost';"
  echo "FLUSH PRIVILEGES;"
  if [ -n "$MYSQL_DATABASE" ]; then echo "CREATE DATABASE IF NOT EXISTS $(name "$MYSQL_DATABASE");"; fi
  if [ -n "$MYSQL_USER" ] && [ -n "$MYSQL_PASSWORD" ]; then
    echo "CREATE USER $(literal "$MYSQL_USER")@'%' IDENTIFIED BY $(literal "$MYSQL_PASSWORD");"
    if [ -n "$MYSQL_DATABASE" ]; then
      echo "GRANT ALL ON $(name "${MYSQL_DATABASE//_/\\_}").* TO $(literal "$MYSQL_USER")@'%';"
    fi
  fi
  if [ "$root_host" != localhost ]; then
    echo "CREATE USER 'root'@$(literal "$root_host") IDENTIFIED BY $(literal "$MYSQL_ROOT_PASSWORD");"
    echo "GRANT ALL ON *.* TO 'root'@$(literal "$root_host") WITH GRANT OPTION;"
  fi
  echo "ALTER USER 'root'@'localhost' IDENTIFIED BY $(literal "$MYSQL_ROOT_PASSWORD");"
}

run_initialisers() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case "$file" in
      *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
      *.sql) query "$MYSQL_DATABASE" < "$file" ;;
      *.sql.gz) gunzip -c "$file" | query "$MYSQL_DATABASE" ;;
    esac
  done
}

query() { MYSQL_PWD="$MYSQL_ROOT_PASSWORD" mysql --no-defaults --default-character-set=utf8mb4 -uroot -S "$SOCKET" "$@"; }

initialise() {
  if [ -z "$MYSQL_ROOT_PASSWORD" ]; then
    if [ -n "${MYSQL_RANDOM_ROOT_PASSWORD:-}" ]; then
      MYSQL_ROOT_PASSWORD="$(head -c 24 /dev/urandom | base64)"
      echo "GENERATED ROOT PASSWORD: $MYSQL_ROOT_PASSWORD"
    elif [ -z "${MYSQL_ALLOW_EMPTY_PASSWORD:-}" ]; then
      echo 'The database is empty and no password is given: set MYSQL_ROOT_PASSWORD, MYSQL_ALLOW_EMPTY_PASSWORD or MYSQL_RANDOM_ROOT_PASSWORD.' >&2
      exit 1
    fi
  fi
  mariadb-install-db --datadir="$DATA" --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve >&2
  # No TCP meanwhile: a health check over TCP must not see this server.
  "$@" --skip-networking --socket="$SOCKET" &
  local server=$!
  until mysqladmin --no-defaults -S "$SOCKET" ping >/dev/null 2>&1; do
    kill -0 "$server" 2>/dev/null || { echo 'The server ended while its system tables were made.' >&2; exit 1; }
    sleep 0.1
  done
  accounts | mysql --no-defaults --default-character-set=utf8mb4 -uroot -S "$SOCKET"
  run_initialisers
  kill "$server"
  wait "$server"
  echo 'MySQL init process done. Ready for start up.'
}

[ "${1:0:1}" != - ] || set -- mysqld "$@"
if [ "$1" != mysqld ]; then exec "$@"; fi

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$DATA" /var/run/mysqld
  find "$DATA" /var/run/mysqld \! -user mysql -exec chown mysql:mysql '{}' +
  exec setpriv --reuid=mysql --regid=mysql --init-groups -- "$0" "$@"
fi

# Options of MySQL 8.0 that choose how accounts log in; MariaDB has one way, and stops at them.
arguments=()
for argument in "$@"; do
  case "$argument" in
    --default-authentication-plugin=*|--authentication-policy=*|--mysql-native-password=*)
      echo "MariaDB has no such option, it is left out: $argument" >&2 ;;
    *) arguments+=("$argument") ;;
  esac
done
set -- "${arguments[@]}"

if [ ! -d "$DATA/mysql" ]; then
  for variable in MYSQL_ROOT_PASSWORD MYSQL_DATABASE MYSQL_USER MYSQL_PASSWORD; do
    printf -v "$variable" '%s' "$(setting "$variable")"
  done
  initialise "$@"
fi
unset MYSQL_ROOT_PASSWORD MYSQL_PASSWORD
exec "$@"

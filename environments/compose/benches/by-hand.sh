#!/usr/bin/env bash
# What a person does without phoenix, for a comparison: the mirror up, dumps, `down -v`, everything anew, dumps back.
# It proves nothing and checks nothing. Prints the seconds of each part; needs the air-gapped images and port 443 of
# the loopback address. Compare with `phoenix run full-phoenix --env compose --profile target` on the same machine.
set -euo pipefail
cd "$(dirname "$0")/../../.."
work=$(mktemp -d)
project=by-hand-$$
compose() {
    local tool=(docker compose)
    docker compose version >/dev/null 2>&1 || tool=(docker-compose)
    "${tool[@]}" -f local/compose.yaml -f local/compose.airgapped.yaml -p "$project" "$@"
}
end() { compose down -v >/dev/null 2>&1 || true; rm -rf "$work"; }
trap end EXIT
now() { date +%s.%N; }
since() { echo "$(now) - $1" | bc; }
container() { compose ps -q "$1"; }
# Waits until every service given is healthy, asking every second, as such scripts do.
healthy() {
    for service in "$@"; do
        until [ "$(docker inspect -f '{{.State.Health.Status}}' "$(container "$service")" 2>/dev/null)" = healthy ]; do
            sleep 1
        done
    done
}
databases="zitadel-db bookstack-db mattermost-db zulip-db"
all="$databases zitadel wiki chat zulip"

began=$(now)
compose up -d >/dev/null 2>&1
healthy $all
echo "up: $(since "$began") s"

began=$(now)
for name in zitadel mattermost zulip; do
    docker exec "$(container "$name-db")" pg_dump -U "$name" -Fc "$name" > "$work/$name.dump" &
done
docker exec "$(container bookstack-db)" sh -c 'exec $(command -v mysqldump || command -v mariadb-dump) -uroot -p"$MYSQL_ROOT_PASSWORD" --single-transaction --routines --triggers bookstack' > "$work/bookstack.sql" &
for volume in mattermost-files mattermost-config zulip-efs; do
    docker run --rm --network none -v "${project}_$volume:/v:ro" phoenix.local/helper:current tar -C /v --exclude=./postgres -cf - . > "$work/$volume.tar" &
done
wait
echo "dumps: $(since "$began") s"

disaster=$(now)
compose down -v >/dev/null 2>&1
echo "down: $(since "$disaster") s"

began=$(now)
compose up -d $databases >/dev/null 2>&1
healthy $databases
for name in zitadel mattermost zulip; do
    docker exec -i "$(container "$name-db")" pg_restore -U "$name" -d "$name" --single-transaction < "$work/$name.dump" &
done
docker exec -i "$(container bookstack-db)" sh -c 'exec $(command -v mysql || command -v mariadb) -uroot -p"$MYSQL_ROOT_PASSWORD" bookstack' < "$work/bookstack.sql" &
wait
for volume in mattermost-files mattermost-config zulip-efs; do
    docker run --rm -i --network none -v "${project}_$volume:/v" phoenix.local/helper:current tar -C /v -xf - < "$work/$volume.tar"
done
echo "databases up and restored: $(since "$began") s"

began=$(now)
compose up -d >/dev/null 2>&1
healthy $all
echo "services up: $(since "$began") s"
echo "from the disaster to ready: $(since "$disaster") s"

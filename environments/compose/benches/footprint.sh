#!/usr/bin/env bash
# What the whole mirror takes of a machine: `footprint.sh` starts it by hand on the air-gapped images, waits until
# every service is healthy, and prints memory by container and in sum, and what volumes and containers write. It ends
# with `down -v`. Memory is what the engine counts: without the pages of files that the kernel can drop.
set -euo pipefail
cd "$(dirname "$0")/../../.."
compose=(docker-compose)
docker compose version >/dev/null 2>&1 && compose=(docker compose)
project=phoenix-footprint
files=(-f local/compose.yaml -f local/compose.airgapped.yaml -p "$project")
down() { "${compose[@]}" "${files[@]}" down -v --remove-orphans >/dev/null 2>&1; }
trap down EXIT
"${compose[@]}" "${files[@]}" up -d >/dev/null 2>&1
of_project=(--filter "label=com.docker.compose.project=$project")
for ((waited = 0; waited < 300; waited++)); do
    unwell=$(docker ps -a "${of_project[@]}" --format '{{.Status}}' | grep -cE 'starting|unhealthy|Created|Restarting' || true)
    [ "$unwell" = 0 ] && break
    sleep 1
done
if [ "$unwell" != 0 ]; then
    docker ps -a "${of_project[@]}" --format '{{.Names}}: {{.Status}}' >&2
    exit 1
fi
docker stats --no-stream --format '{{.Name}} {{.MemUsage}}' $(docker ps -q "${of_project[@]}") | awk '
    { unit = $2; gsub(/[0-9.]/, "", unit); value = $2 + 0
      mib = value * (unit == "GiB" ? 1024 : unit == "KiB" ? 1 / 1024 : unit == "B" ? 1 / 1048576 : 1)
      printf "%8.1f MiB  %s\n", mib, $1; sum += mib }
    END { printf "%8.1f MiB  memory of all %d containers\n", sum, NR }'
for volume in $(docker volume ls -q "${of_project[@]}"); do
    docker run --rm --network none -v "$volume:/v:ro" --entrypoint du phoenix.local/helper:current -sk /v
done | awk '{ sum += $1 } END { printf "%8.1f MiB  written to %d volumes\n", sum / 1024, NR }'

#!/usr/bin/env bash
# A cycle by phoenix and the same by hand, in turns: `beside-by-hand.sh [ROUNDS]`, 3 without. Prints the seconds of
# both, whole and from the disaster to the last service that is healthy, and the processor's time that phoenix took
# for itself (without the Compose tool's). Needs what by-hand.sh needs, jq, and a machine with nothing else to do.
set -euo pipefail
cd "$(dirname "$0")/../../.."
cargo build --quiet --locked
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ticks=$(getconf CLK_TCK)
for ((round = 1; round <= ${1:-3}; round++)); do
    began=$(date +%s.%N)
    bash environments/compose/benches/by-hand.sh >"$work/by-hand"
    hand=$(echo "$(date +%s.%N) - $began" | bc)
    # `down -v` at its end is the cleaning up that phoenix does too.
    hand_ready=$(sed -n 's/^from the disaster to ready: \(.*\) s$/\1/p' "$work/by-hand")

    began=$(date +%s.%N)
    PHOENIX_RUNS_DIR="$work/runs-$round" target/debug/phoenix run full-phoenix --env compose --profile target \
        >"$work/said" 2>&1 &
    run=$!
    own=0
    # Fields 14 and 15 of the line, counted after the name in brackets: own time, in user's and in system's mode.
    while line=$(sed 's/.*) //' "/proc/$run/stat" 2>/dev/null) && [ -n "$line" ] && [ "${line%% *}" != Z ]; do
        own=$(echo "$line" | awk '{ print $12 + $13 }')
        sleep 0.2
    done
    if ! wait "$run"; then
        cat "$work/said" >&2
        exit 1
    fi
    whole=$(echo "$(date +%s.%N) - $began" | bc)
    ready=$(jq -rs '
        def seconds: (.[:19] + "Z" | fromdate) + ("0" + .[19:-1] | tonumber);
        [.[] | select(.event.phase.phase == "destroyed") | .at] as $burnt
        | [.[] | select(.event.phase.phase == "healthy") | .at] as $well
        | ($well | max | seconds) - ($burnt | min | seconds)' "$work/runs-$round"/*/01-*/journal.jsonl)
    awk -v round="$round" -v hand="$hand" -v whole="$whole" -v hr="$hand_ready" -v ready="$ready" \
        -v own="$own" -v ticks="$ticks" 'BEGIN {
            printf "round %d: whole %.1f s by phoenix, %.1f s by hand (%.2f); from the disaster to ready %.1f s, %.1f s (%.2f); own time %.1f s (%.1f %%)\n",
                round, whole, hand, whole / hand, ready, hr, ready / hr, own / ticks, 100 * own / ticks / whole
        }'
done

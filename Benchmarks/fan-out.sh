#!/bin/bash
# One job whose step runs for many items (`forEach`) on one worker of several slots, with a server of its own that writes everything to disk. For each number
# of members: steps a second, and for each step commits, bytes of WAL, and milliseconds of CPU of the worker (with what it starts) and of the server.
# usage: Benchmarks/fan-out.sh SCRATCH-FOLDER [snappy-flow]     MEMBERS="10 100 300 1000" SLOTS=16 BODY=exec|skip WORKERS=1
set -euo pipefail
scratch=$1
here=$(cd "$(dirname "$0")" && pwd)
program=${2:-$here/../.build/release/snappy-flow}
[ -x "$program" ] || (cd "$here/.." && swift build -c release --product snappy-flow)
program=$(realpath "$program")
members=${MEMBERS:-10 100 300 1000} slots=${SLOTS:-16} body=${BODY:-exec} workers=${WORKERS:-1}
unset ${!PG@}
mkdir -p "$scratch"
rm -rf "$scratch/data" "$scratch/run" "$scratch/home"
mkdir -p "$scratch/run" "$scratch/home"
# PostgreSQL refuses to run as root.
as=()
if [ "$(id -u)" = 0 ]; then
    as=(setpriv --reuid postgres --regid postgres --clear-groups)
    chmod 755 "$scratch"
    chown postgres "$scratch/run"
    install -d -o postgres -m 700 "$scratch/data"
fi
bin=$(pg_config --bindir)
cd "$scratch"
started=
end() {
    kill $started 2>/dev/null || true
    wait
    "${as[@]}" "$bin/pg_ctl" -D "$scratch/data" -m immediate stop >/dev/null 2>&1 || true
}
trap end EXIT
"${as[@]}" "$bin/initdb" -D "$scratch/data" -U bench --auth-local=trust --locale=C.UTF-8 -E UTF8 >/dev/null 2>&1
"${as[@]}" "$bin/pg_ctl" -D "$scratch/data" -w -l "$scratch/data/log" \
    -o "-c listen_addresses='' -c unix_socket_directories='$scratch/run' -c jit=off" start >/dev/null
export SNAPPY_FLOW_DATABASE="host=$scratch/run user=bench dbname=bench"
export XDG_STATE_HOME=$scratch/home XDG_CACHE_HOME=$scratch/home XDG_CONFIG_HOME=$scratch/home
query() { psql -X -h "$scratch/run" -U bench -d "${2:-bench}" -Atc "$1"; }
query "CREATE DATABASE bench" postgres >/dev/null
"$program" db migrate >/dev/null
for _ in $(seq "$workers"); do
    "$program" worker --slots "$slots" --allow-program true >>"$scratch/worker.log" 2>&1 & started="$started $!"
done
until [ "$(query "SELECT count(*) FROM workers")" -ge "$workers" ]; do sleep 0.1; done

case $body in
exec) what="" ;;
# No process: what the engine alone costs.
skip) what="      when: \${item < 0}" ;;
*) echo "BODY: expected exec or skip" >&2; exit 2 ;;
esac
# Clock ticks of these processes and of the children that they have waited for.
used() { for pid in "$@"; do sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | awk '{ print $12 + $13 + $14 + $15 }'; done | awk '{ sum += $1 } END { print sum + 0 }'; }
server() { for pid in $(pgrep -P "$(head -1 "$scratch/data/postmaster.pid")") $(head -1 "$scratch/data/postmaster.pid"); do echo "$pid"; done; }
counted() { query "SELECT xact_commit, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') FROM pg_stat_database WHERE datname = 'bench'" | tr '|' ' '; }
for count in $members; do
    {
        echo "apiVersion: snappyflow.dev/v1"
        echo "kind: Pipeline"
        echo "metadata: {name: fan-out-$count}"
        echo "spec:"
        echo "  steps:"
        echo "    - exec: [\"true\"]"
        echo "      id: one"
        [ -z "$what" ] || echo "$what"
        echo "      forEach: [$(seq -s, "$count")]"
    } >"$scratch/fan-out.yaml"
    sleep 1.5
    read -r commits wal <<<"$(counted)"
    worker_cpu=$(used $started) server_cpu=$(used $(server))
    began=$(date +%s%N)
    "$program" submit "$scratch/fan-out.yaml" --wait >"$scratch/out" 2>&1 || { cat "$scratch/out"; exit 1; }
    ended=$(query "SELECT round(extract(epoch FROM max(ended_at)) * 1000000000) FROM jobs")
    worker_cpu=$(($(used $started) - worker_cpu)) server_cpu=$(($(used $(server)) - server_cpu))
    sleep 1.5
    read -r commits_after wal_after <<<"$(counted)"
    awk -v n="$count" -v ns=$((ended - began)) -v c=$((commits_after - commits)) -v w=$((wal_after - wal)) -v cpu="$worker_cpu" -v scpu="$server_cpu" \
        -v tick="$(getconf CLK_TCK)" 'BEGIN { printf "%5d members  %7.1f steps/s   a step: %5.2f commits  %6d bytes of WAL  worker %6.2f ms  server %6.2f ms\n",
        n, n * 1e9 / ns, c / n, w / n, cpu / tick / n * 1000, scpu / tick / n * 1000 }'
done

#!/bin/bash
# Side by side: our repository and the stock restic, on the same data, in one session. Prints user+system seconds, wall seconds, peak MB.
# usage: Benchmarks/repository.sh SCRATCH-FOLDER [repository-bench]     (needs about 6 GB there)
set -euo pipefail
scratch=$1
here=$(cd "$(dirname "$0")" && pwd)
bench=${2:-$here/.build/release/repository-bench}
[ -x "$bench" ] || (cd "$here" && swift build -c release --product repository-bench)
export RESTIC_PASSWORD=bench RESTIC_CACHE_DIR=$scratch/cache TZ=UTC
mkdir -p "$scratch"
if [ ! -d "$scratch/mixed" ]; then
    mkdir -p "$scratch/mixed" "$scratch/small"
    openssl enc -aes-256-ctr -K 01 -iv 02 -in /dev/zero 2>/dev/null | head -c 512M >"$scratch/mixed/random" || true
    # Log text, four to one.
    awk 'BEGIN { srand(7); for (i = 0; i < 5600000; i++) printf "2026-01-02T03:%02d:%02d host%d worker[%d]: step %d finished after %d ms, %x\n", i/60%60, i%60, i%9, i*7919%100003, i, rand()*9999, rand()*1e9 }' |
        head -c 512M >"$scratch/mixed/log" || true
    for folder in $(seq 200); do
        mkdir -p "$scratch/small/$folder"
        for file in $(seq 100); do
            head -c $(((folder * 37 + file * 101) % 16000 + 100)) /dev/urandom >"$scratch/small/$folder/$file"
        done
    done
fi
timed() { /usr/bin/time -f "$1 %U %S %e %M" -o "$scratch/time" "${@:2}" >"$scratch/out" 2>&1 || cat "$scratch/out"
    awk '{ printf "%-28s cpu %6.2f s   wall %6.2f s   peak %4d MB\n", $1, $2 + $3, $4, $5 / 1024 }' <(tail -1 "$scratch/time"); }
for data in mixed small; do
    rm -rf "$scratch/ours" "$scratch/theirs" "$scratch/out-ours" "$scratch/out-theirs"
    "$bench" init "$scratch/ours"
    restic -q -r "$scratch/theirs" init --repository-version 2
    cat "$scratch/$data"/* >/dev/null 2>&1 || find "$scratch/$data" -type f -exec cat {} + >/dev/null
    for step in full unchanged; do
        timed "$data/$step/ours" "$bench" backup "$scratch/ours" "$scratch/$data"
        timed "$data/$step/restic" restic -q -r "$scratch/theirs" backup --host bench "$scratch/$data"
    done
    timed "$data/restore/ours" "$bench" restore "$scratch/ours" "$scratch/out-ours"
    timed "$data/restore/restic" restic -q -r "$scratch/theirs" restore latest --target "$scratch/out-theirs"
    timed "$data/check/ours" "$bench" check "$scratch/ours"
    timed "$data/check/restic" restic -q -r "$scratch/theirs" check --read-data
    restic -q -r "$scratch/ours" check --read-data
    diff -r "$scratch/out-ours/$scratch/$data" "$scratch/$data"
    du -sm "$scratch/ours" "$scratch/theirs" | awk '{ print "  repository " $2 ": " $1 " MB" }'
done

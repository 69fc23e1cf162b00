#!/bin/bash
# Side by side, in one session, on one private cluster that keeps its data in memory: the increment of an image of which 1 % has changed, by us, by
# `rbd export-diff | zstd -1` into a file, and by restic over a whole `rbd export`. Prints user+system seconds of the clients with all that they start,
# wall seconds, and bytes. All three take a snapshot first and remove the one before last afterwards: the image is left with one, as a site would have it.
# The difference alone is said beside it: the pipe without the snapshots, and our copy step, which reads, seals and stores, and is in the database when it ends.
# Ours is measured twice: by `run`, a process of its own that starts, asks for the password's key and ends, and by a worker that is there already, as a fleet
# has it (what `submit` takes is counted with it).
# usage: Benchmarks/ceph-rbd.sh SCRATCH-FOLDER [snappy-flow]     SIZE=10G FILL=50 ROUNDS=6 REGION=1M DATA=noise RESTIC=yes PACE=1
# PACE: the monitor makes its next change (each snapshot that comes or goes is one) so many seconds after the last one; 1 is Ceph's own, and most of the wall
# time of both sides then. With less it is their work that is compared. It has rested for as long before each.
# FILL: per cent of the image that hold data. Needs three times of that in memory, and once in SCRATCH-FOLDER. Of the rounds every other one is by a worker.
# DATA: noise that nobody can compress (what a site has that encrypts its disks), or files: this machine's /usr, as the disk of a guest has it.
set -euo pipefail
scratch=$1
here=$(cd "$(dirname "$0")" && pwd)
flow=${2:-$here/../.build/release/snappy-flow}
[ -x "$flow" ] || (cd "$here/.." && swift build -c release --static-swift-stdlib --product snappy-flow)
size=$(numfmt --from=iec "${SIZE:-10G}") region=$(numfmt --from=iec "${REGION:-1M}") rounds=${ROUNDS:-6} fill=${FILL:-50} pace=${PACE:-1}
data=${DATA:-noise} restic=${RESTIC:-yes}
mkdir -p "$scratch"
cd "$scratch"
rm -rf cluster state theirs ours diff* && mkdir -p state/restic
export RESTIC_PASSWORD=bench RESTIC_CACHE_DIR=$scratch/state/restic XDG_STATE_HOME=$scratch/state XDG_CACHE_HOME=$scratch/state XDG_RUNTIME_DIR=$scratch/state

# --- a monitor and an OSD; they end with this script
servers= worker=
trap 'kill -KILL $servers 2>/dev/null || true; "$flow" db down --force >/dev/null 2>&1 || true' EXIT
source "$here/private-ceph.sh"
private_ceph "$scratch/cluster" $((20000 + RANDOM % 9000)) $((size * 3)) <<<"[mon]
paxos_propose_interval = $pace"
ceph osd pool create rbd 32 32 >/dev/null 2>&1
until_works timeout 20 rados -p rbd put probe /etc/hostname
rbd pool init rbd

# --- an image, and what is written into it: content SIZE REGION ROUND prints it as rbd's own difference. Round 0 writes all of it, the others one region in a hundred.
if [ "$data" = files ]; then tar -C /usr -cf "$scratch/state/files" --sort=name bin lib share; fi
content() {
    python3 - "$data" "$scratch/state/files" "$fill" "$@" <<'PYTHON'
import os, random, struct, sys
kind, files, fill, size, region, round = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
random.seed(round)
out = sys.stdout.buffer
if kind == "files":
    files = open(files, "rb")
    room = os.fstat(files.fileno()).st_size
def bytes_of(count):
    if kind == "noise":
        return random.randbytes(count)
    # Anywhere in the files, so that no block of the image is one that was there before.
    return os.pread(files.fileno(), count, random.randrange(room - count))
out.write(b"rbd diff v1\ns" + struct.pack("<Q", size))
places = size // region
# What is written lies in the part that holds data, which is the first of it.
filled = range(places * fill // 100)
for at in sorted(random.sample(filled, max(places // 100, 1))) if round else filled:
    out.write(b"w" + struct.pack("<QQ", at * region, region) + bytes_of(region))
out.write(b"e")
PYTHON
}
rbd create --size "${size}B" --image-feature layering,exclusive-lock,object-map,fast-diff,deep-flatten bench
content "$size" "$((4 << 20))" 0 | rbd import-diff --no-progress - bench
cat >pipeline.yaml <<YAML
apiVersion: snappyflow.dev/v1
kind: Pipeline
metadata: {name: bench}
spec:
  systems:
    disk: {type: ceph-rbd, pool: rbd, image: bench, configuration: $CEPH_CONF, user: admin}
  repositories:
    vault: {type: local, path: $scratch/ours, password: {fromFile: $scratch/state/pw}}
  steps:
    - snapshot: disk
    - copy: disk
      to: vault
YAML
echo bench >state/pw
restic -q -r theirs init --repository-version 2
"$flow" db up >/dev/null 2>&1 || true

# What the one before has left to be written is on disk before the next one begins: we wait for our bytes to be there, and would wait for the peer's with them.
# Nor does one wait for the second that the monitor lets pass after the one before.
timed() { sync && sleep "$pace" && python3 "$here/measure.py" "$@"; }

full_by_restic() { rbd export --no-progress "bench@$1" - | restic -q -r theirs backup --stdin --stdin-filename bench; }
increment_by_rbd() {
    rbd snap create --no-progress "bench@peer-$1"
    local TIMEFORMAT='    of that export-diff | zstd       cpu %U + %S s   wall %R s'
    time { rbd export-diff --no-progress --from-snap "peer-$(($1 - 1))" "bench@peer-$1" - | zstd -q -1 -f -o "diff-$1"; }
    rbd snap rm --no-progress "bench@peer-$(($1 - 1))"
}
increment_by_restic() { rbd snap create --no-progress bench@restic && full_by_restic restic && rbd snap rm --no-progress bench@restic; }
# Of the newest job.
copy_step() {
    local newest
    newest=$("$flow" jobs list --output json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["id"])')
    "$flow" jobs show "$newest" --output json | python3 -c '
import json, sys
from datetime import datetime
copy = [s for s in json.load(sys.stdin)["steps"] if s["id"].startswith("copy")][-1]
began, ended = (datetime.fromisoformat(copy[key].replace("Z", "+00:00")) for key in ("startedAt", "endedAt"))
seconds = (ended - began).total_seconds()
print(f"    of that the copy step              wall {seconds:.3f} s")'
}
export -f full_by_restic increment_by_rbd increment_by_restic

timed full/ours "$flow" run pipeline.yaml
rbd snap create --no-progress bench@peer-0
[ "$restic" = no ] || timed full/restic bash -c "full_by_restic peer-0"
setsid "$flow" worker --allow "$scratch" >worker.log 2>&1 </dev/null &
worker=$!
servers="$servers $worker"
for round in $(seq "$rounds"); do
    content "$size" "$region" "$round" | rbd import-diff --no-progress - bench
    before=$(du -sb ours | cut -f1)
    if ((round % 2)); then
        timed "increment-$round/ours" "$flow" run pipeline.yaml
    else
        timed --worker "$worker" "increment-$round/ours-by-a-worker" "$flow" submit --wait pipeline.yaml
    fi
    copy_step
    echo "    stored $(((($(du -sb ours | cut -f1) - before) >> 10))) KiB"
    timed "increment-$round/export-diff" bash -c "increment_by_rbd $round"
    echo "    stored $(($(stat -c %s "diff-$round") >> 10)) KiB"
    [ "$restic" = no ] || timed "increment-$round/restic" bash -c "increment_by_restic"
done
restic -q -r ours check

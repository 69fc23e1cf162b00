#!/bin/bash
# Side by side, in one session, on one private cluster that keeps its data in memory: the increment of an image of which 1 % has changed, by us, by
# `rbd export-diff | zstd -1` into a file, and by restic over a whole `rbd export`. Prints user+system seconds of the clients with all that they start,
# wall seconds, and bytes. All three take a snapshot first and remove the one before last afterwards: the image is left with one, as a site would have it.
# usage: Benchmarks/ceph-rbd.sh SCRATCH-FOLDER [snappy-flow]     SIZE=10G ROUNDS=3 REGION=1M     (needs SIZE twice in memory and once in SCRATCH-FOLDER)
set -euo pipefail
scratch=$1
here=$(cd "$(dirname "$0")" && pwd)
flow=${2:-$here/../.build/release/snappy-flow}
[ -x "$flow" ] || (cd "$here/.." && swift build -c release --static-swift-stdlib --product snappy-flow)
size=$(numfmt --from=iec "${SIZE:-10G}") region=$(numfmt --from=iec "${REGION:-1M}") rounds=${ROUNDS:-3}
mkdir -p "$scratch"
cd "$scratch"
rm -rf cluster state theirs ours diff* && mkdir state
export RESTIC_PASSWORD=bench RESTIC_CACHE_DIR=$scratch/state/restic XDG_STATE_HOME=$scratch/state XDG_CACHE_HOME=$scratch/state XDG_RUNTIME_DIR=$scratch/state

# --- a monitor and an OSD; they end with this script
servers=
trap '"$flow" db down >/dev/null 2>&1 || true; kill -KILL $servers 2>/dev/null || true' EXIT
source "$here/private-ceph.sh"
private_ceph "$scratch/cluster" $((20000 + RANDOM % 9000)) $((size * 3)) </dev/null
ceph osd pool create rbd 32 32 >/dev/null 2>&1
until_works timeout 20 rados -p rbd put probe /etc/hostname
rbd pool init rbd

# --- an image that nobody can compress
rbd create --size "${size}B" --image-feature layering,exclusive-lock,object-map,fast-diff,deep-flatten bench
python3 - "$size" <<'PYTHON' | rbd import-diff --no-progress - bench
import os, struct, subprocess, sys
size, out = int(sys.argv[1]), sys.stdout.buffer
noise = subprocess.Popen("openssl enc -aes-256-ctr -K 01 -iv 02 -in /dev/zero 2>/dev/null", shell=True, stdout=subprocess.PIPE)
out.write(b"rbd diff v1\ns" + struct.pack("<Q", size))
for at in range(0, size, 4 << 20):
    count = min(4 << 20, size - at)
    out.write(b"w" + struct.pack("<QQ", at, count) + noise.stdout.read(count))
out.write(b"e")
noise.kill()
PYTHON
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

timed() { python3 "$here/measure.py" "$@"; }
stored() { du -sb "$@" | awk '{ sum += $1 } END { printf "%.1f MiB\n", sum / 1048576 }'; }

timed full/ours "$flow" run pipeline.yaml
rbd snap create --no-progress bench@peer-0
timed full/restic bash -c "rbd export --no-progress bench@peer-0 - | restic -q -r theirs backup --stdin --stdin-filename bench"
for round in $(seq "$rounds"); do
    python3 - "$size" "$region" "$round" <<'PYTHON' | rbd import-diff --no-progress - bench
import os, random, struct, sys
size, region, out = int(sys.argv[1]), int(sys.argv[2]), sys.stdout.buffer
random.seed(sys.argv[3])
out.write(b"rbd diff v1\ns" + struct.pack("<Q", size))
for at in sorted(random.sample(range(size // region), max(size // 100 // region, 1))):
    out.write(b"w" + struct.pack("<QQ", at * region, region) + os.urandom(region))
out.write(b"e")
PYTHON
    before=$(du -sb ours | cut -f1)
    timed "increment-$round/ours" "$flow" run pipeline.yaml
    echo "    stored $(((($(du -sb ours | cut -f1) - before) >> 10))) KiB"
    timed "increment-$round/export-diff" bash -c "rbd snap create --no-progress bench@peer-$round; rbd export-diff --no-progress --from-snap peer-$((round - 1)) bench@peer-$round - | zstd -q -1 -f -o diff-$round; rbd snap rm --no-progress bench@peer-$((round - 1))"
    echo "    stored $(($(stat -c %s "diff-$round") >> 10)) KiB"
    timed "increment-$round/restic" bash -c "rbd snap create --no-progress bench@restic; rbd export --no-progress bench@restic - | restic -q -r theirs backup --stdin --stdin-filename bench; rbd snap rm --no-progress bench@restic"
done
restic -q -r ours check

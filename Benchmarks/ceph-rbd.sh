#!/bin/bash
# Side by side, in one session, on one private cluster that keeps its data in memory: the increment of an image of which 1 % has changed, by us, by
# `rbd export-diff | zstd -1` into a file, and by restic over a whole `rbd export`. Prints user+system seconds of the clients, wall seconds, and bytes.
# usage: Benchmarks/ceph-rbd.sh SCRATCH-FOLDER [snappy-flow]     SIZE=10G ROUNDS=3 REGION=1M     (needs SIZE twice in memory and once in SCRATCH-FOLDER)
set -euo pipefail
scratch=$1
here=$(cd "$(dirname "$0")" && pwd)
flow=${2:-$here/../.build/release/snappy-flow}
[ -x "$flow" ] || (cd "$here/.." && swift build -c release --product snappy-flow)
size=$(numfmt --from=iec "${SIZE:-10G}") region=$(numfmt --from=iec "${REGION:-1M}") rounds=${ROUNDS:-3}
mkdir -p "$scratch"
cd "$scratch"
rm -rf cluster state theirs ours diff* && mkdir cluster cluster/{mon,osd,run} state
export CEPH_CONF=$scratch/cluster/ceph.conf RESTIC_PASSWORD=bench RESTIC_CACHE_DIR=$scratch/state/restic XDG_STATE_HOME=$scratch/state XDG_CACHE_HOME=$scratch/state XDG_RUNTIME_DIR=$scratch/state

# --- a monitor and an OSD; they end with this script
port=$((20000 + RANDOM % 9000))
cat >"$CEPH_CONF" <<CONF
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon_host = [v2:127.0.0.1:$port,v1:127.0.0.1:$((port + 1))]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
run_dir = $scratch/cluster/run
admin_socket =
log_file = $scratch/cluster/\$name.log
mon_cluster_log_file = /dev/null
osd_pool_default_size = 1
osd_pool_default_min_size = 1
mon_allow_pool_size_one = true
osd_crush_chooseleaf_type = 0
osd_pool_default_pg_autoscale_mode = off
ms_bind_ipv6 = false
[mon]
mon_data = $scratch/cluster/mon
[osd]
osd_data = $scratch/cluster/osd
osd_objectstore = memstore
memstore_device_bytes = $((size * 3))
osd_class_load_list = *
osd_class_default_list = *
CONF
monmaptool --create --clobber --fsid "$(awk '/^fsid/ { print $3 }' "$CEPH_CONF")" --addv a "[v2:127.0.0.1:$port,v1:127.0.0.1:$((port + 1))]" cluster/monmap >/dev/null
ceph-mon --mkfs -i a --monmap cluster/monmap >/dev/null 2>&1
ceph-mon -f -i a >/dev/null 2>&1 </dev/null &
servers=$!
osd=
trap '"$flow" db down >/dev/null 2>&1 || true; kill -KILL $servers 2>/dev/null || true' EXIT
id=$(cat /proc/sys/kernel/random/uuid)
ceph-osd -i 0 --mkfs --no-mon-config --osd-uuid "$id" >/dev/null 2>&1
until timeout 10 ceph --connect-timeout 5 mon stat >/dev/null 2>&1; do sleep 0.2; done
ceph osd new "$id" 0 >/dev/null 2>&1
ceph-osd -f -i 0 >/dev/null 2>&1 </dev/null &
servers="$servers $!"
ceph osd pool create rbd 32 32 >/dev/null 2>&1
until echo x | timeout 20 rados -p rbd put probe - 2>/dev/null; do sleep 0.2; done
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

timed() { local name=$1; shift
    /usr/bin/time -f "%U %S %e" -o time "$@" >out 2>&1 || { cat out; exit 1; }
    awk -v name="$name" '{ printf "%-34s cpu %7.2f s   wall %7.2f s\n", name, $1 + $2, $3 }' <(tail -1 time); }
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
    timed "increment-$round/export-diff" bash -c "rbd snap create --no-progress bench@peer-$round; rbd export-diff --no-progress --from-snap peer-$((round - 1)) bench@peer-$round - | zstd -q -1 -f -o diff-$round"
    echo "    stored $(($(stat -c %s "diff-$round") >> 10)) KiB"
    timed "increment-$round/restic" bash -c "rbd export --no-progress bench@peer-$round - | restic -q -r theirs backup --stdin --stdin-filename bench"
done
restic -q -r ours check

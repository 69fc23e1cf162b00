#!/bin/bash
# Side by side, in one session, on private servers: packs of 16 MiB to Ceph's gateway (S3) and to OpenStack Swift, by us and by `rclone copy`, with the same
# number of transfers at once. Prints user+system seconds of the client, wall seconds and MiB/s.
# usage: Benchmarks/object-stores.sh SCRATCH-FOLDER [upload-bench]     PACKS=32 CONNECTIONS=4 ROUNDS=3
set -euo pipefail
scratch=$1
here=$(cd "$(dirname "$0")" && pwd)
bench=${2:-$here/.build/release/upload-bench}
[ -x "$bench" ] || (cd "$here" && swift build -c release --product upload-bench)
packs=${PACKS:-32} connections=${CONNECTIONS:-4} rounds=${ROUNDS:-3}
# Nothing of whoever runs this is the peer's configuration.
unset ${!AWS_@} ${!RCLONE_@} ${!OS_@} ${!ST_@}
mkdir -p "$scratch"
cd "$scratch"
rm -rf cluster swift packs && mkdir -p swift/data/d1 packs
servers=
trap 'kill -KILL $servers 2>/dev/null || true' EXIT
port=$((20000 + RANDOM % 9000))

# --- Ceph in memory, and its gateway
source "$here/private-ceph.sh"
private_ceph "$scratch/cluster" $port $(((packs * 16 << 20) * (4 * rounds + 4))) <<CONF
[client.rgw.a]
keyring = $scratch/cluster/rgw.keyring
ms_mon_client_mode = crc secure
rgw_data = $scratch/cluster/run
rgw_frontends = beast endpoint=127.0.0.1:$((port + 2))
rgw_dynamic_resharding = false
CONF
ceph auth get-or-create client.rgw.a mon 'allow rw' osd 'allow rwx' >cluster/rgw.keyring 2>/dev/null
radosgw -n client.rgw.a -f >/dev/null 2>&1 </dev/null & servers="$servers $!"
until_works curl -sf --noproxy '*' "http://127.0.0.1:$((port + 2))"
radosgw-admin -n client.rgw.a user create --uid=bench --display-name=bench --access-key=benchaccess --secret-key=benchsecret >/dev/null 2>&1

# --- OpenStack Swift on a folder
cat >swift/runner.py <<'PYTHON'
import os, sys
folder, what = sys.argv[1:3]
import swift.common.utils as utils
utils.SWIFT_CONF_FILE = os.path.join(folder, "swift.conf")
if what == "rings":
    from swift.common.ring import RingBuilder
    for name, port in zip(("account", "container", "object"), sys.argv[3:]):
        ring = RingBuilder(4, 1, 0)
        ring.add_dev(dict(region=1, zone=1, ip="127.0.0.1", port=int(port), device="d1", weight=1.0, meta="", id=0))
        ring.rebalance()
        ring.get_ring().save(os.path.join(folder, name + ".ring.gz"))
    sys.exit(0)
from swift.common.wsgi import run_wsgi
more = {}
if what == "object-server":
    from swift.obj import server
    more["global_conf_callback"] = server.global_conf_callback
sys.exit(run_wsgi(sys.argv[3], what, verbose=True, **more))
PYTHON
printf '[swift-hash]\nswift_hash_path_suffix = bench\n[storage-policy:0]\nname = Policy-0\ndefault = yes\n' >swift/swift.conf
/usr/bin/python3 swift/runner.py "$scratch/swift" rings $((port + 4)) $((port + 5)) $((port + 6)) >/dev/null 2>&1
memcached -l 127.0.0.1 -p $((port + 7)) -U 0 -m 32 -u "$(id -un)" >/dev/null 2>&1 </dev/null & servers="$servers $!"
serve() { /usr/bin/python3 swift/runner.py "$scratch/swift" "$1-server" "$scratch/swift/$1.conf" >"swift/$1.log" 2>&1 </dev/null & servers="$servers $!"; }
common() { printf '[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = %s\nworkers = 0\nuser = %s\nswift_dir = %s\ndevices = %s\nmount_check = false\nlog_level = WARNING\nfallocate_reserve = 0\ndisable_fallocate = true\nlog_address = %s/none\n' "$1" "$(id -un)" "$scratch/swift" "$scratch/swift/data" "$scratch"; }
for server in account:$((port + 4)) container:$((port + 5)) object:$((port + 6)); do
    name=${server%%:*}
    { common "${server#*:}"; printf '[pipeline:main]\npipeline = %s-server\n[app:%s-server]\nuse = egg:swift#%s\n' "$name" "$name" "$name"; } >"swift/$name.conf"
    serve "$name"
done
{ common $((port + 3)); cat <<CONF; } >swift/proxy.conf
[pipeline:main]
pipeline = catch_errors cache tempauth slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$((port + 7))
[filter:tempauth]
use = egg:swift#tempauth
user_test_bench = benchsecret .admin
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
CONF
serve proxy
until_works curl -sf --noproxy '*' -H 'X-Auth-User: test:bench' -H 'X-Auth-Key: benchsecret' "http://127.0.0.1:$((port + 3))/auth/v1.0"

# --- packs, named as their hashes
for number in $(seq "$packs"); do
    head -c 16M /dev/urandom >packs/new
    mv packs/new "packs/$(sha256sum packs/new | cut -c1-64)"
done
mib=$((packs * 16))
printf benchsecret >secret
printf benchaccess >access
cat >rclone.conf <<CONF
[gateway]
type = s3
provider = Ceph
access_key_id = benchaccess
secret_access_key = benchsecret
endpoint = http://127.0.0.1:$((port + 2))
[swift]
type = swift
user = test:bench
key = benchsecret
auth = http://127.0.0.1:$((port + 3))/auth/v1.0
CONF
# The first bucket of all takes the gateway seconds.
for server in gateway swift; do rclone --config rclone.conf copy secret "$server:first"; done
timed() { local name=$1; shift
    /usr/bin/time -f "%U %S %e" -o time "$@" >out 2>&1 || { cat out; exit 1; }
    awk -v name="$name" -v mib="$mib" '{ printf "%-26s cpu %6.2f s   wall %6.2f s   %6.0f MiB/s\n", name, $1 + $2, $3, mib / $3 }' <(tail -1 time); }
for round in $(seq "$rounds"); do
    cat >s3.json <<JSON
{"bucket": "ours-$round", "endpoint": "http://127.0.0.1:$((port + 2))", "accessKey": {"fromFile": "$scratch/access"}, "secretKey": {"fromFile": "$scratch/secret"}}
JSON
    cat >swift.json <<JSON
{"container": "ours-$round", "authURL": "http://127.0.0.1:$((port + 3))/auth/v1.0", "user": "test:bench", "userPassword": {"fromFile": "$scratch/secret"}}
JSON
    for server in gateway:s3 swift:swift; do
        timed "${server%%:*}-$round/ours" "$bench" "${server#*:}" "${server#*:}.json" packs "$connections"
        timed "${server%%:*}-$round/rclone" rclone --config rclone.conf copy --transfers "$connections" --checkers "$connections" packs "${server%%:*}:theirs-$round"
    done
done
# What arrived is what was sent, by the peer's own eyes: a pack's name is its hash.
for server in gateway swift; do
    rclone --config rclone.conf hashsum SHA-256 --download "$server:ours-$rounds" |
        awk -v server="$server" -v packs="$packs" '{ split($2, part, "/"); if (part[3] == $1) good++ } END { print server ": " good " of " packs " packs are whole"; exit good != packs }'
done

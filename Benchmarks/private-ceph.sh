# A Ceph cluster of a benchmark's own, for scripts to source: one monitor, one OSD that keeps its data in memory, on loopback.
# private_ceph FOLDER PORT BYTES starts it, with PORT and the one after it for the monitor and room for so many bytes, sets CEPH_CONF, and adds its processes to
# $servers, which the script ends. What is on standard input is added to the configuration.
private_ceph() {
    local folder=$1 port=$2 bytes=$3 id
    mkdir -p "$folder"/{mon,osd,run}
    export CEPH_CONF=$folder/ceph.conf
    cat >"$CEPH_CONF" <<CONF
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon_host = [v2:127.0.0.1:$port,v1:127.0.0.1:$((port + 1))]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_allow_insecure_global_id_reclaim = false
keyring = $folder/keyring
run_dir = $folder/run
admin_socket =
log_file = $folder/\$name.log
mon_cluster_log_file = /dev/null
osd_pool_default_size = 1
osd_pool_default_min_size = 1
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
osd_crush_chooseleaf_type = 0
osd_pool_default_pg_num = 8
osd_pool_default_pgp_num = 8
osd_pool_default_pg_autoscale_mode = off
ms_bind_ipv6 = false
[mon]
mon_data = $folder/mon
[osd]
osd_data = $folder/osd
osd_objectstore = memstore
memstore_device_bytes = $bytes
osd_class_load_list = *
osd_class_default_list = *
$(cat)
CONF
    monmaptool --create --clobber --fsid "$(awk '/^fsid/ { print $3 }' "$CEPH_CONF")" --addv a "[v2:127.0.0.1:$port,v1:127.0.0.1:$((port + 1))]" "$folder/monmap" >/dev/null
    ceph-authtool --create-keyring "$folder/keyring" --gen-key -n mon. --cap mon 'allow *' >/dev/null
    ceph-authtool "$folder/keyring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' >/dev/null
    ceph-authtool "$folder/keyring" --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *' >/dev/null
    ceph-mon --mkfs -i a --monmap "$folder/monmap" --keyring "$folder/keyring" >/dev/null 2>&1
    ceph-mon -f -i a >/dev/null 2>&1 </dev/null &
    servers="$servers $!"
    id=$(cat /proc/sys/kernel/random/uuid)
    ceph-osd -i 0 --mkfs --no-mon-config --osd-uuid "$id" >/dev/null 2>&1
    until_works timeout 10 ceph --connect-timeout 5 mon stat
    ceph osd new "$id" 0 >/dev/null 2>&1
    ceph-osd -f -i 0 >/dev/null 2>&1 </dev/null &
    servers="$servers $!"
}

# A minute at most.
until_works() { for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return; sleep 0.2; done; echo "gave up: $*"; exit 1; }

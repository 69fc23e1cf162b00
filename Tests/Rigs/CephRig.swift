import Foundation
import Threads

/// A Ceph cluster of one monitor and one OSD that keeps its data in memory, on loopback: one for the test process, but for who stops its servers.
public final class CephRig: Sendable {
    /// The file that clients need: monitors, keyring, timeouts.
    public let configuration: String
    public let folder: String
    private let scratch: ScratchFolder
    private let server: KeptProgram
    private let osdCount: Int

    private static let shared = Task { try await BlockingPool(label: "ceph-rig", width: 1).run { try CephRig() } }
    public static func running() async throws -> CephRig { try await shared.value }

    /// One that ends with its user: for a test that stops its servers. `durable`: the OSDs keep their data in files, and have them still when they
    /// were killed.
    public static func apart(osds: Int = 1, durable: Bool = false) async throws -> CephRig {
        try await BlockingPool(label: "ceph-rig", width: 1).run { try CephRig(osds: osds, durable: durable) }
    }

    private init(osds: Int = 1, durable: Bool = false) throws {
        osdCount = osds
        scratch = try ScratchFolder("ceph")
        folder = scratch.path
        configuration = scratch.file("ceph.conf")
        server = try KeptProgram(
            KeptProgram.prelude + Self.script,
            [
                scratch.path, "\(try KeptProgram.freePort())", "\(try KeptProgram.freePort())", "\(osds)",
                durable ? "bluestore" : "memstore",
            ])
    }

    /// Ends OSDs by SIGKILL, all of them unless told which; they are gone when this returns.
    public func killOSDs(_ ids: [Int]? = nil) throws { for id in ids ?? Array(0..<osdCount) { try server.tell("kill \(id)") } }

    /// Starts OSDs that were killed. They take no objects yet when this returns.
    public func startOSDs(_ ids: [Int]? = nil) throws { for id in ids ?? Array(0..<osdCount) { try server.tell("start \(id)") } }

    /// Stops an OSD by SIGSTOP: it is there and answers nothing, until it is let go on.
    public func holdOSD(_ id: Int) throws { try server.tell("hold \(id)") }

    public func letOSDGoOn(_ id: Int) throws { try server.tell("resume \(id)") }

    /// Runs one of Ceph's programs as the cluster's administrator; returns what it printed.
    @discardableResult
    public func run(_ arguments: String...) async throws -> String {
        try await HostProgram.run(["env", "CEPH_CONF=\(configuration)"] + arguments)
    }

    /// `$1` the folder, `$2` and `$3` the monitor's ports, `$4` the number of OSDs, `$5` what they keep their data in. Nothing of /etc/ceph is read. Health says nothing here: there is no manager.
    private static let script = """
        cd "$1" || exit 1
        export CEPH_CONF=$1/ceph.conf
        fsid=$(cat /proc/sys/kernel/random/uuid)
        mkdir mon run
        cat >ceph.conf <<CONF
        [global]
        fsid = $fsid
        mon_host = [v2:127.0.0.1:$2,v1:127.0.0.1:$3]
        public_addr = 127.0.0.1
        cluster_addr = 127.0.0.1
        auth_allow_insecure_global_id_reclaim = false
        keyring = $1/keyring
        run_dir = $1/run
        admin_socket =
        log_file = $1/\\$name.log
        mon_cluster_log_file = /dev/null
        crash_dir = $1/run
        osd_pool_default_size = 1
        osd_pool_default_min_size = 1
        osd_pool_default_read_lease_ratio = 0.1
        mon_allow_pool_size_one = true
        mon_allow_pool_delete = true
        osd_crush_chooseleaf_type = 0
        osd_pool_default_pg_num = 8
        osd_pool_default_pgp_num = 8
        osd_pool_default_pg_autoscale_mode = off
        mon_max_pg_per_osd = 1000
        rbd_default_features = 61
        ms_bind_ipv6 = false
        [client]
        client_mount_timeout = 20
        rados_mon_op_timeout = 30
        rados_osd_op_timeout = 60
        objecter_timeout = 2
        objecter_tick_interval = 1
        log_file = /dev/null
        [mon]
        mon_data = $1/mon
        mon_data_avail_warn = 1
        mon_data_avail_crit = 1
        mon_osd_full_ratio = .99
        mon_osd_nearfull_ratio = .98
        paxos_propose_interval = 0.05
        paxos_min_wait = 0.01
        [osd]
        osd_data = $1/osd-\\$id
        osd_objectstore = $5
        memstore_device_bytes = 10737418240
        bluestore_block_size = 4294967296
        bluestore_cache_autotune = false
        bluestore_cache_size = 67108864
        osd_class_load_list = *
        osd_class_default_list = *
        CONF
        fail() { echo "$1; install ceph-mon, ceph-osd, ceph-common; last words: $(tail -qn2 *.log | tr '\\n' ' ')"; kill -KILL $mon ${osd[@]} 2>/dev/null; exit 1; }
        key() { ceph-authtool "$@" >/dev/null || fail "no key"; }
        key --create-keyring keyring --gen-key -n mon. --cap mon 'allow *'
        key keyring --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
        osds=$(seq 0 $(($4 - 1)))
        for id in $osds; do key keyring --gen-key -n osd.$id --cap mon 'allow profile osd' --cap mgr 'allow profile osd' --cap osd 'allow *'; done
        monmaptool --create --clobber --fsid "$fsid" --addv a "[v2:127.0.0.1:$2,v1:127.0.0.1:$3]" monmap >/dev/null || fail "no map of monitors"
        ceph-mon --mkfs -i a --monmap monmap --keyring keyring >mkfs-mon.log 2>&1 || fail "no monitor could be made"
        ceph-mon -f -i a >/dev/null 2>&1 </dev/null & mon=$!
        makes() { mkdir osd-$1; ceph-osd -i $1 --mkfs --no-mon-config --osd-uuid $2 >mkfs-osd-$1.log 2>&1; }
        begin() { ceph-osd -f -i $1 >/dev/null 2>&1 </dev/null & osd[$1]=$!; }
        for id in $osds; do
            uuid[$id]=$(cat /proc/sys/kernel/random/uuid)
            makes $id ${uuid[$id]} & making[$id]=$!
        done
        for id in $osds; do wait ${making[$id]} || fail "no OSD could be made"; done
        await $mon timeout 10 ceph --connect-timeout 5 mon stat || fail "the monitor does not answer"
        for id in $osds; do
            timeout 60 ceph osd new ${uuid[$id]} $id >/dev/null 2>&1 || fail "the OSD is not taken"
            begin $id
        done
        timeout 60 ceph osd pool create rbd 8 8 >/dev/null 2>&1 || fail "no pool"
        writes() { echo x | timeout 20 rados -p rbd put probe - && rados -p rbd rm probe; }
        await ${osd[0]} writes || fail "the OSD takes no object"
        timeout 60 rbd pool init rbd >/dev/null 2>&1 || fail "the pool is not made ready"
        echo ${osd[0]} >osd.pid
        echo ready
        while read -r verb id; do
            case $verb in
            kill) kill -KILL ${osd[$id]}; wait ${osd[$id]} 2>/dev/null ;;
            start) begin $id ;;
            hold) kill -STOP ${osd[$id]} ;;
            resume) kill -CONT ${osd[$id]} ;;
            esac
            echo "$verb"
        done
        kill -KILL ${osd[@]} $mon
        wait 2>/dev/null
        cd / && rm -rf "$1"
        """
}

import Foundation
import Threads

/// OpenStack Swift with one replica on a folder: TempAuth and the S3 layer in front, another front for Keystone's tokens when `KeystoneRig` asks.
/// One for the test process.
public final class OpenStackSwiftRig: Sendable {
    /// Where TempAuth lets in `user` with `password`; `reader` with `reading` may do nothing to other people's containers.
    public let authURL: String
    public let user = "test:tester"
    public let password = "testing"
    public let reader = "test:reader"
    public let readerPassword = "reading"
    /// The S3 layer; keys are user and password.
    public let s3URL: String
    /// An object may have so many bytes; more needs segments.
    public static let largestObject = 64 << 20
    /// Storage policies: the first is the default.
    public static let policies = ["Policy-0", "cold"]
    let folder: String
    let memcachedPort: Int
    private let scratch: ScratchFolder
    private let server: KeptProgram

    private static let shared = Task { try await BlockingPool(label: "swift-rig", width: 1).run { try OpenStackSwiftRig() } }
    public static func running() async throws -> OpenStackSwiftRig { try await shared.value }

    private init() throws {
        scratch = try ScratchFolder("swift")
        folder = scratch.path
        let ports = try (0..<5).map { _ in try KeptProgram.freePort() }
        memcachedPort = ports[4]
        s3URL = "http://127.0.0.1:\(ports[0])"
        authURL = s3URL + "/auth/v1.0"
        server = try KeptProgram(KeptProgram.prelude + Self.script, [scratch.path] + ports.map { "\($0)" })
    }

    /// Every token that was given out ends now, as they all do some day.
    public func endTokens() async throws {
        try await HostProgram.run([
            "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/\(memcachedPort); printf 'flush_all\\r\\n' >&3; read -r line <&3",
        ])
    }

    /// What the servers of one front are made of, for a shell: `$1` the folder, `$2` its port, `$3` memcached's, `$4` who lets in.
    static let front = #"""
        front() {
            cat <<CONF
        [DEFAULT]
        bind_ip = 127.0.0.1
        bind_port = $2
        workers = 0
        user = $(id -un)
        swift_dir = $1
        log_address = $1/none
        log_level = WARNING
        [pipeline:main]
        pipeline = catch_errors gatekeeper healthcheck cache bulk $4 copy container-quotas account-quotas slo dlo versioned_writes symlink proxy-server
        [app:proxy-server]
        use = egg:swift#proxy
        allow_account_management = true
        account_autocreate = true
        node_timeout = 60
        recoverable_node_timeout = 60
        conn_timeout = 10
        error_suppression_interval = 0
        [filter:cache]
        use = egg:swift#memcache
        memcache_servers = 127.0.0.1:$3
        connect_timeout = 20
        pool_timeout = 20
        io_timeout = 20
        max_connections = 64
        error_suppression_interval = 0
        [filter:slo]
        use = egg:swift#slo
        min_segment_size = 1
        rate_limit_after_segment = 1000
        [filter:versioned_writes]
        use = egg:swift#versioned_writes
        allow_versioned_writes = true
        allow_object_versioning = true
        [filter:s3api]
        use = egg:swift#s3api
        s3_acl = false
        check_bucket_owner = false
        dns_compliant_bucket_names = true
        auth_pipeline_check = false
        location = us-east-1
        [filter:tempauth]
        use = egg:swift#tempauth
        user_test_tester = testing .admin
        user_test_reader = reading
        token_life = 86400
        CONF
            for filter in catch_errors gatekeeper healthcheck bulk copy container_quotas account_quotas dlo symlink; do
                printf '[filter:%s]\nuse = egg:swift#%s\n' "${filter/_quotas/-quotas}" "$filter"
            done
        }
        # Swift's programs read /etc/swift/swift.conf wherever they are told to look, so they are started by a few lines of their own.
        runner() {
            cat <<'PYTHON'
        import os, sys
        folder, what = sys.argv[1:3]
        import swift.common.utils as utils
        utils.SWIFT_CONF_FILE = os.path.join(folder, "swift.conf")
        if what == "rings":
            from swift.common.ring import RingBuilder
            for name, port in zip(("account", "container", "object", "object-1"), sys.argv[3:]):
                ring = RingBuilder(4, 1, 0)
                ring.add_dev(dict(region=1, zone=1, ip="127.0.0.1", port=int(port), replication_ip="127.0.0.1", replication_port=int(port),
                                  device="d1", weight=1.0, meta="", id=0))
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
        }

        """#

    /// `$1` the folder, `$2` to `$6` the ports of proxy, account, container, object and memcached.
    private static let script =
        front + #"""
            cd "$1" || exit 1
            mkdir -p data/d1 cache
            runner >runner.py
            cat >swift.conf <<CONF
            [swift-hash]
            swift_hash_path_suffix = $(cat /proc/sys/kernel/random/uuid)
            [storage-policy:0]
            name = Policy-0
            default = yes
            [storage-policy:1]
            name = cold
            [swift-constraints]
            max_file_size = 67108864
            CONF
            pids=
            fail() { echo "$1; install swift-proxy, swift-account, swift-container, swift-object and memcached; last words: $(tail -qn2 *.log | tr '\n' ' ')"; kill -KILL $pids 2>/dev/null; exit 1; }
            /usr/bin/python3 runner.py "$1" rings $3 $4 $5 $5 >rings.log 2>&1 || fail "no rings"
            memcached -l 127.0.0.1 -p $6 -U 0 -m 32 -u "$(id -un)" >memcached.log 2>&1 </dev/null & pids="$pids $!"
            serve() { /usr/bin/python3 runner.py "$PWD" $1-server "$PWD/$1.conf" >$1.log 2>&1 </dev/null & pids="$pids $!"; }
            for server in account:$3 container:$4 object:$5; do
                name=${server%%:*}
                cat >$name.conf <<CONF
            [DEFAULT]
            bind_ip = 127.0.0.1
            bind_port = ${server#*:}
            workers = 0
            user = $(id -un)
            swift_dir = $1
            devices = $1/data
            mount_check = false
            log_address = $1/none
            log_level = WARNING
            fallocate_reserve = 0
            disable_fallocate = true
            [pipeline:main]
            pipeline = $name-server
            [app:$name-server]
            use = egg:swift#$name
            replication_server = true
            CONF
                serve $name
            done
            front "$1" $2 $6 "s3api tempauth" >proxy.conf
            serve proxy
            for port in $3 $4 $5 $6; do await $! listens $port || fail "a server of Swift does not listen"; done
            lets_in() { curl -sf --noproxy '*' -H 'X-Auth-User: test:tester' -H 'X-Auth-Key: testing' "http://127.0.0.1:$1/auth/v1.0"; }
            await $! lets_in $2 || fail "Swift's proxy lets nobody in"
            echo ready
            cat >/dev/null
            kill -KILL $pids
            wait 2>/dev/null
            cd / && rm -rf "$1"
            """#
}

import Foundation
import Threads

/// radosgw, Ceph's S3 (and Swift) server, on `CephRig`'s cluster: one for the test process.
public final class RadosGatewayRig: Sendable {
    public let url: String
    public let accessKey = "AKIDTESTKEY000000001"
    /// The id of a key with which the server encrypts.
    public let encryptionKey = "test-key"
    public let secretKey = "secretsecretsecretsecretsecretsecret0001"
    /// Of the gateway's Swift API.
    public var swiftKeys: (url: String, user: String, key: String) { (url + "/auth/v1", "u1:swift", "swiftsecret") }
    /// Of the cluster: the gateway's own configuration is `rgw.conf` in it.
    var folder: String { ceph.folder }
    private let ceph: CephRig
    private let server: KeptProgram

    private static let shared = Task {
        let ceph = try await CephRig.running()
        return try await BlockingPool(label: "rgw-rig", width: 1).run { try RadosGatewayRig(ceph) }
    }
    public static func running() async throws -> RadosGatewayRig { try await shared.value }

    private init(_ ceph: CephRig) throws {
        self.ceph = ceph
        let port = try KeptProgram.freePort()
        url = "http://127.0.0.1:\(port)"
        server = try KeptProgram(
            KeptProgram.prelude + """
                cd "$1" || exit 1
                export CEPH_CONF=$1/rgw.conf
                cp ceph.conf rgw.conf
                cat >>rgw.conf <<CONF
                [client.rgw.a]
                keyring = $1/rgw.keyring
                ms_mon_client_mode = crc secure
                rgw_data = $1/run
                rgw_frontends = beast endpoint=127.0.0.1:$2
                rgw_swift_account_in_url = true
                rgw_enable_usage_log = false
                rgw_thread_pool_size = 32
                rgw_dns_name = localhost
                rgw_crypt_require_ssl = false
                rgw_crypt_s3_kms_backend = testing
                rgw_crypt_s3_kms_encryption_keys = test-key=$(head -c 32 /dev/urandom | base64)
                # One gateway has nobody to tell what it has changed: on a machine that is busy it lost its own watch for that, and made no bucket any more.
                rgw_cache_enabled = false
                rgw_num_control_oids = 1
                rgw_gc_max_objs = 3
                rgw_lc_max_objs = 3
                rgw_override_bucket_index_max_shards = 1
                rgw_dynamic_resharding = false
                log_file = $1/rgw.log
                client_mount_timeout = 30
                rados_mon_op_timeout = 0
                rados_osd_op_timeout = 0
                CONF
                fail() { echo "$1; install radosgw; last words: $(tail -qn2 rgw.log)"; kill -KILL $server 2>/dev/null; exit 1; }
                ceph auth get-or-create client.rgw.a mon 'allow rw' osd 'allow rwx' mgr 'allow rw' >rgw.keyring 2>/dev/null || fail "no key"
                admin() { timeout 60 radosgw-admin -n client.rgw.a "$@" >/dev/null 2>&1 || fail "$1 $2 $3 did not work"; }
                # The first of these makes the zone.
                admin user create --uid=u1 --display-name=u1 --access-key=$3 --secret-key=$4
                admin caps add --uid=u1 --caps=user-policy=*
                admin subuser create --uid=u1 --subuser=u1:swift --access=full --key-type=swift --secret-key=swiftsecret
                class="--placement-id default-placement --storage-class STANDARD_IA"
                admin zonegroup placement add --rgw-zonegroup default $class
                admin zone placement add --rgw-zone default $class --data-pool default.rgw.buckets.rare
                radosgw -n client.rgw.a -f >/dev/null 2>&1 </dev/null & server=$!
                await $server listens $2 || fail "radosgw does not listen"
                echo ready
                cat >/dev/null
                kill -KILL $server
                wait 2>/dev/null
                """, [ceph.folder, "\(port)", accessKey, secretKey])
    }

    /// Changes the user's limits: `radosgw-admin` with these arguments.
    public func administer(_ arguments: String...) async throws {
        try await HostProgram.run(["env", "CEPH_CONF=\(ceph.folder)/rgw.conf", "radosgw-admin", "-n", "client.rgw.a"] + arguments)
    }
}

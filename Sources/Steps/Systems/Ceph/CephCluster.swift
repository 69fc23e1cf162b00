import Basics
import CephLibraries
import FlowModel
import Glibc
import StepKit
import StorageKit

/// A connection to a cluster. Calls block and are made on threads of the plug-in's own; none waits longer than the timeout, for librados by
/// itself waits for ever.
final class CephCluster: @unchecked Sendable {  // librados' handle may be used by several threads
    let handle: rados_t
    /// The cluster's own id.
    let id: String

    struct Settings: Sendable, Hashable {
        var configuration: String?
        var monitors: String?
        var user: String
        var key: Secret?
        /// Whole seconds.
        var timeout: TimeSpan
    }

    /// Connects.
    init(_ settings: Settings) throws(StorageError) {
        try CephLibrary.rados.load()
        let location = settings.monitors ?? settings.configuration ?? "/etc/ceph/ceph.conf"
        var made: rados_t?
        let code = rados_create2(&made, "ceph", "client.\(settings.user)", 0)
        guard code == 0, let handle = made else { throw .ceph(code, expected: "librados to begin", at: location) }
        var isConnected = false
        defer { if !isConnected { rados_shutdown(handle) } }
        // Monitors and a key are enough; a file is read where it is named, or where nothing else is.
        if let file = settings.configuration ?? (settings.monitors == nil ? "/etc/ceph/ceph.conf" : nil) {
            let code = rados_conf_read_file(handle, file)
            guard code == 0 else {
                throw .ceph(
                    code, expected: "a configuration of the cluster that can be read", at: file,
                    ifMissing: "name the file with `configuration`, or say `monitors`, `user` and `key`")
            }
        }
        let seconds = "\(max(settings.timeout.milliseconds / 1000, 1))"
        var options = [
            ("client_mount_timeout", seconds), ("rados_mon_op_timeout", seconds), ("rados_osd_op_timeout", seconds),
            // A client of ours leaves neither a socket nor a log behind.
            ("admin_socket", ""), ("log_file", "/dev/null"), ("log_to_stderr", "false"), ("err_to_stderr", "false"),
        ]
        if let monitors = settings.monitors { options.append(("mon_host", monitors)) }
        if let key = settings.key { options.append(("key", key.revealText())) }
        for (name, value) in options {
            let code = rados_conf_set(handle, name, value)
            guard code == 0 else { throw .ceph(code, expected: "a good value of \(name)", at: location) }
        }
        let connected = rados_connect(handle)
        guard connected == 0 else {
            if connected == -ENOENT {
                throw StorageError(
                    .accessDenied, expected: "a key of client.\(settings.user)", found: "none (\(connected))", at: location,
                    advice: "say `key: {fromFile: ...}`, or name a keyring in the cluster's configuration")
            }
            throw .ceph(connected, expected: "a connection to the cluster as client.\(settings.user)", at: location)
        }
        isConnected = true
        var text = [CChar](repeating: 0, count: 64)
        let length = rados_cluster_fsid(handle, &text, text.count)
        id = length > 0 ? String(decoding: text.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self) : ""
        self.handle = handle
    }

    deinit { rados_shutdown(handle) }
}

/// A pool and namespace of a cluster.
final class CephPool: @unchecked Sendable {  // as the cluster's handle
    let cluster: CephCluster
    let handle: rados_ioctx_t
    let name: String
    let id: Int64

    init(_ cluster: CephCluster, pool: String, namespace: String) throws(StorageError) {
        var made: rados_ioctx_t?
        let code = rados_ioctx_create(cluster.handle, pool, &made)
        guard code == 0, let made else {
            throw .ceph(code, expected: "a pool", at: pool, ifMissing: "check `pool`: `ceph osd pool ls`")
        }
        rados_ioctx_set_namespace(made, namespace)
        // A full cluster says so, where librados would wait for room without a word; what is removed goes through.
        rados_set_pool_full_try(made)
        (self.cluster, handle, name, id) = (cluster, made, pool, rados_ioctx_get_id(made))
    }

    /// By its id, which outlives its name.
    init(_ cluster: CephCluster, poolID: Int64, namespace: String) throws(StorageError) {
        var made: rados_ioctx_t?
        let code = rados_ioctx_create2(cluster.handle, poolID, &made)
        guard code == 0, let made else {
            throw .ceph(code, expected: "a pool", at: "pool \(poolID)", ifMissing: "it was removed: `ceph osd pool ls detail`")
        }
        rados_ioctx_set_namespace(made, namespace)
        rados_set_pool_full_try(made)
        (self.cluster, handle, name, id) = (cluster, made, "pool \(poolID)", poolID)
    }

    deinit { rados_ioctx_destroy(handle) }
}

import Basics
import CephLibraries
import FlowModel
import Glibc
import StorageKit

/// Snapshots of a whole pool, which the OSDs take with every write that comes after.
extension CephPool {
    /// Succeeds when there is one. The monitors know it then, and this client; `PoolBarrier` waits for the OSDs.
    func takeSnapshot(_ snapshot: String) throws(StorageError) {
        let code = rados_ioctx_snap_create(handle, snapshot)
        if code == 0 || code == -EEXIST { return }
        guard code == -EINVAL else { throw .ceph(code, expected: "a snapshot of the pool", at: name) }
        throw StorageError(
            .unsupported, expected: "a pool that can have snapshots of its own",
            found: "one whose clients keep snapshots themselves (self-managed), as RBD and CephFS do", at: name,
            advice:
                "a snapshot of ours would not hold back what such clients overwrite: copy the pool without a `snapshot` step while nothing "
                + "writes, or its images with `ceph-rbd`")
    }

    /// Nil when there is none.
    func snapshotID(_ snapshot: String) throws(StorageError) -> UInt64? {
        var id: rados_snap_t = 0
        let code = rados_ioctx_snap_lookup(handle, snapshot, &id)
        if code == -ENOENT { return nil }
        guard code == 0 else { throw .ceph(code, expected: "a snapshot of the pool", at: "\(name)@\(snapshot)") }
        return id
    }

    /// Those that the pool has now; one that goes meanwhile is none.
    func snapshotNames() throws(StorageError) -> [String] {
        var ids = [rados_snap_t](repeating: 0, count: 64)
        var count = rados_ioctx_snap_list(handle, &ids, Int32(ids.count))
        while count == -ERANGE {
            ids = [rados_snap_t](repeating: 0, count: ids.count * 2)
            count = rados_ioctx_snap_list(handle, &ids, Int32(ids.count))
        }
        guard count >= 0 else { throw .ceph(count, expected: "a list of the pool's snapshots", at: name) }
        var names: [String] = []
        for id in ids.prefix(Int(count)) {
            var bytes = [CChar](repeating: 0, count: 4096)
            let code = rados_ioctx_snap_get_name(handle, id, &bytes, Int32(bytes.count))
            if code == -ENOENT { continue }
            guard code >= 0 else { throw .ceph(code, expected: "the name of snapshot \(id)", at: name) }
            names.append(String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        return names
    }

    /// Succeeds when there is none.
    func removeSnapshot(_ snapshot: String) throws(StorageError) {
        let code = rados_ioctx_snap_remove(handle, snapshot)
        guard code == 0 || code == -ENOENT else { throw .ceph(code, expected: "a snapshot that can go", at: "\(name)@\(snapshot)") }
    }
}

extension CephCluster {
    /// The names of all pools.
    func pools() throws(StorageError) -> [String] {
        var bytes = [CChar](repeating: 0, count: 4096)
        while true {
            let needed = rados_pool_list(handle, &bytes, bytes.count)
            guard needed >= 0 else { throw .ceph(needed, expected: "a list of pools", at: id) }
            if Int(needed) <= bytes.count { break }
            bytes = [CChar](repeating: 0, count: Int(needed))
        }
        return bytes.split(separator: 0).map { String(decoding: $0.map { UInt8(bitPattern: $0) }, as: UTF8.self) }
    }
}

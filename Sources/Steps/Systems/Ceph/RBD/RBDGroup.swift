import CephLibraries
import FlowModel
import Glibc
import StorageKit

/// A group of images: librbd takes a snapshot of all of them in one instant.
struct RBDGroup {
    let pool: CephPool
    let name: String

    private func check(_ code: Int32, _ expected: String, unless ignored: Int32 = 0) throws(StorageError) {
        guard code >= 0 || code == ignored else { throw .ceph(code, expected: expected, at: "group \(pool.name)/\(name)") }
    }

    func make() throws(StorageError) { try check(rbd_group_create(pool.handle, name), "a new group", unless: -EEXIST) }

    /// Its snapshots must be gone.
    func remove() throws(StorageError) { try check(rbd_group_remove(pool.handle, name), "the group to be removed", unless: -ENOENT) }

    func add(_ image: String, of imagePool: CephPool) throws(StorageError) {
        try check(
            rbd_group_image_add(pool.handle, name, imagePool.handle, image), "image \(imagePool.name)/\(image) in a group",
            unless: -EEXIST)
    }

    /// Writes to all of its images rest for the moment in which it is taken.
    func takeSnapshot(_ snapshot: String) throws(StorageError) {
        try check(rbd_group_snap_create(pool.handle, name, snapshot), "a snapshot \(snapshot) of the group")
    }

    func removeSnapshot(_ snapshot: String) throws(StorageError) {
        try check(rbd_group_snap_remove(pool.handle, name, snapshot), "the group's snapshot \(snapshot) to be removed", unless: -ENOENT)
    }

    /// Whole, over all images.
    func hasSnapshot(_ snapshot: String) throws(StorageError) -> Bool {
        var count = 64
        while true {
            var found = [rbd_group_snap_info_t](repeating: rbd_group_snap_info_t(), count: count)
            let code = rbd_group_snap_list(pool.handle, name, &found, MemoryLayout<rbd_group_snap_info_t>.size, &count)
            if code == -ERANGE { continue }
            if code == -ENOENT { return false }
            try check(code, "a list of the group's snapshots")
            defer { rbd_group_snap_list_cleanup(&found, MemoryLayout<rbd_group_snap_info_t>.size, count) }
            return found.prefix(Int(code)).contains {
                $0.name.map { String(cString: $0) } == snapshot && $0.state == RBD_GROUP_SNAP_STATE_COMPLETE
            }
        }
    }
}

/// A group's snapshot, as one of its images has it.
struct RBDGroupSnapshot: Sendable, Hashable {
    var poolID: Int64
    var group: String
    var name: String
    /// Of the image.
    var snapshot: UInt64
}

extension RBDImage {
    /// The group that the image is in; nil for none. An image is in one at most.
    func group() throws(StorageError) -> (poolID: Int64, name: String)? {
        var info = rbd_group_info_t()
        let code = withHandle { rbd_get_group($0, &info, MemoryLayout<rbd_group_info_t>.size) }
        guard code == 0 else { throw .ceph(code, expected: "the image's group", at: location) }
        defer { rbd_group_info_cleanup(&info, MemoryLayout<rbd_group_info_t>.size) }
        guard info.pool >= 0, let name = info.name.map({ String(cString: $0) }), !name.isEmpty else { return nil }
        return (info.pool, name)
    }

    /// The part that the image has in the snapshot of that name of any group.
    func groupSnapshot(named name: String) throws(StorageError) -> RBDGroupSnapshot? {
        for id in try allSnapshots() {
            var kind = RBD_SNAP_NAMESPACE_TYPE_USER
            guard withHandle({ rbd_snap_get_namespace_type($0, id, &kind) }) == 0, kind == RBD_SNAP_NAMESPACE_TYPE_GROUP else {
                continue
            }
            var space = rbd_snap_group_namespace_t()
            let size = MemoryLayout<rbd_snap_group_namespace_t>.size
            guard withHandle({ rbd_snap_get_group_namespace($0, id, &space, size) }) == 0 else { continue }
            defer { rbd_snap_group_namespace_cleanup(&space, size) }
            guard let group = space.group_name.map({ String(cString: $0) }), space.group_snap_name.map({ String(cString: $0) }) == name
            else { continue }
            return RBDGroupSnapshot(poolID: space.group_pool, group: group, name: name, snapshot: id)
        }
        return nil
    }

    /// What is read from now on.
    func show(_ snapshot: UInt64) throws(StorageError) {
        let code = withHandle { rbd_snap_set_by_id($0, snapshot) }
        guard code == 0 else { throw .ceph(code, expected: "the group's snapshot", at: location) }
    }
}

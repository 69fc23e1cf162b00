import Basics
import CephLibraries
import FlowModel
import Glibc
import StepKit
import StorageKit
import Threads

/// Waits until every placement group of a pool goes by the cluster's map as it is now.
///
/// Monitors call a snapshot of a pool taken when it is in their map. The OSDs hear of a map one after another, and each of their placement groups takes
/// it up when its turn comes: until then it overwrites objects as if there were no snapshot, whatever map the writer has, and what was written
/// after the snapshot is seen in it. A group does nothing for an operation of a client whose map is newer than its own until it has that map. So
/// each of them is asked for the name of one object, by a client that has the map: who answers knows the snapshot.
///
/// A pool may be split or merged meanwhile: groups come from groups that have the map of the change, which is the newer one.
struct PoolBarrier {
    let pool: CephPool
    /// Nil: every one. Only who may read it is answered.
    let namespace: [UInt8]?

    /// How many groups are asked at once.
    private static let width = 16

    func wait() async throws {
        let working = StillWorking.current
        let (pool, namespace) = (pool, namespace)
        let threads = BlockingPool(label: "rados-barrier", width: Self.width)
        let parts = try await threads.run { try pool.partsThatEachLieInOneGroup() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for first in 0..<min(Self.width, parts) {
                group.addTask {
                    try await threads.run {
                        let lister = try PartLister(pool, namespace: namespace)
                        for part in stride(from: first, to: parts, by: Self.width) {
                            try lister.ask(part, of: parts)
                            working?.say()
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}

extension CephPool {
    /// In how many parts the hashes of names are cut so that none is spread over several groups: the next power of two of the groups' number. Ours
    /// is the newest map of all that anybody had when this was called.
    fileprivate func partsThatEachLieInOneGroup() throws -> Int {
        let code = rados_wait_for_latest_osdmap(cluster.handle)
        guard code == 0 else { throw StorageError.ceph(code, expected: "the cluster's map as it is now", at: name) }
        let answer = try cluster.ask(["prefix": "osd pool get", "pool": .string(name), "var": "pg_num", "format": "json"], at: name)
        guard let count = answer["pg_num"]?.intValue, count > 0 else {
            throw StorageError(.failed, expected: "the number of the pool's placement groups", found: "\(answer)", at: name)
        }
        var parts = 1
        while parts < count { parts *= 2 }
        return parts
    }
}

extension CephCluster {
    /// What the monitors answer to a command.
    fileprivate func ask(_ command: JSONValue, at location: String) throws -> JSONValue {
        var (answer, words): (UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<CChar>?)
        var (answerCount, wordsCount) = (0, 0)
        let text = String(decoding: command.canonicalBytes, as: UTF8.self)
        let code = text.withCString { text in
            var commands: [UnsafePointer<CChar>?] = [text]
            return rados_mon_command(handle, &commands, 1, nil, 0, &answer, &answerCount, &words, &wordsCount)
        }
        defer {
            if let answer { rados_buffer_free(answer) }
            if let words { rados_buffer_free(words) }
        }
        guard code == 0 else { throw StorageError.ceph(code, expected: "an answer of the monitors", at: location) }
        return try JSONValue(parsing: UnsafeRawBufferPointer(start: answer, count: answerCount))
    }
}

/// Lists parts of a pool, one name of each.
private struct PartLister: ~Copyable {
    private let handle: rados_ioctx_t
    private let location: String

    init(_ pool: CephPool, namespace: [UInt8]?) throws(StorageError) {
        var made: rados_ioctx_t?
        let code = rados_ioctx_create2(pool.cluster.handle, pool.id, &made)
        guard code == 0, let made else { throw .ceph(code, expected: "a pool", at: pool.name) }
        // LIBRADOS_ALL_NSPACES, a macro that Swift does not see.
        (namespace ?? [1]).withName { rados_ioctx_set_namespace(made, $0) }
        (handle, location) = (made, pool.name)
    }

    deinit { rados_ioctx_destroy(handle) }

    /// One operation, to the one group that has the part.
    func ask(_ part: Int, of parts: Int) throws(StorageError) {
        // They are filled in where they are.
        let (first, last) = (rados_object_list_begin(handle), rados_object_list_end(handle))
        var (start, end, next) = (rados_object_list_begin(handle), rados_object_list_begin(handle), rados_object_list_begin(handle))
        defer { for cursor in [first, last, start, end, next] { rados_object_list_cursor_free(handle, cursor) } }
        rados_object_list_slice(handle, first, last, part, parts, &start, &end)
        var item = rados_object_list_item()
        let count = rados_object_list(handle, start, end, 1, nil, 0, &item, &next)
        guard count >= 0 else { throw .ceph(count, expected: "a list of objects", at: location) }
        rados_object_list_free(Int(count), &item)
    }
}

import Basics
import CephLibraries
import FlowModel
import Glibc
import StepKit
import StorageKit

/// Objects of a pool. Calls block.
extension CephPool {
    /// Where an object of several pieces says its whole size: in decimal digits.
    private static let sizeAttribute = "snappy-flow.size"

    private func error(_ code: Int32, _ expected: String, _ object: String) -> StorageError {
        .ceph(code, expected: expected, at: "\(name)/\(object)", ifMissing: "it was removed meanwhile: `rados -p \(name) ls`")
    }

    /// Stores an object in one step. With a `size` only where there is none: false when there is one.
    @discardableResult func write(_ object: String, _ bytes: UnsafeRawBufferPointer, size: Int64?) throws(StorageError) -> Bool {
        guard let operation = rados_create_write_op() else { throw error(-ENOMEM, "an operation", object) }
        defer { rados_release_write_op(operation) }
        if let size {
            rados_write_op_create(operation, LIBRADOS_CREATE_EXCLUSIVE, nil)
            let text = String(size)
            text.withCString { rados_write_op_setxattr(operation, Self.sizeAttribute, $0, text.utf8.count) }
        }
        rados_write_op_write_full(operation, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
        let code = rados_write_op_operate(operation, handle, object, nil, 0)
        if size != nil, code == -EEXIST { return false }
        guard code == 0 else { throw error(code, "the object to be stored", object) }
        return true
    }

    /// The whole size; nil where there is no such object.
    func size(_ object: String) throws(StorageError) -> Int64? {
        var text = [CChar](repeating: 0, count: 32)
        let length = rados_getxattr(handle, object, Self.sizeAttribute, &text, text.count)
        if length == -ENOENT { return nil }
        if length > 0, let size = Int64(String(decoding: text.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)) {
            return size
        }
        guard length == -ENODATA || length >= 0 else { throw error(length, "an object's size", object) }
        throw StorageError(
            .invalid, expected: "an object of a repository", found: "one that somebody else made", at: "\(name)/\(object)",
            advice: "give the repository a pool or a namespace of its own")
    }

    /// Bytes of one object of the pool, and when it was written, seconds since 1970 by the writer's clock; nil where there is none.
    func status(_ object: String) throws(StorageError) -> (size: Int64, modified: Int64)? {
        var size: UInt64 = 0
        var modified: time_t = 0
        let code = rados_stat(handle, object, &size, &modified)
        if code == -ENOENT { return nil }
        guard code == 0 else { throw error(code, "an object's size and time", object) }
        return (Int64(size), Int64(modified))
    }

    func read(_ object: String, into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(StorageError) {
        var done = 0
        while done < buffer.count {
            let place = buffer.baseAddress?.advanced(by: done).assumingMemoryBound(to: CChar.self)
            let count = rados_read(handle, object, place, buffer.count - done, UInt64(offset) + UInt64(done))
            if count == 0 {
                throw StorageError(
                    .truncated, expected: "\(buffer.count.counted("byte")) at \(offset)", found: "\(done)", at: "\(name)/\(object)",
                    advice: "the object was cut short; run a check")
            }
            guard count > 0 else { throw error(count, "an object", object) }
            done += Int(count)
        }
    }

    /// Succeeds when there is none.
    func remove(_ object: String) throws(StorageError) {
        let code = rados_remove(handle, object)
        guard code == 0 || code == -ENOENT else { throw error(code, "the object to be removed", object) }
    }

    /// Of every object of the namespace.
    func names() throws(StorageError) -> [String] {
        var list: rados_list_ctx_t?
        let begun = rados_nobjects_list_open(handle, &list)
        guard begun == 0, let list else { throw error(begun, "a list of objects", "") }
        defer { rados_nobjects_list_close(list) }
        var names: [String] = []
        while true {
            var entry: UnsafePointer<CChar>?
            let code = rados_nobjects_list_next(list, &entry, nil, nil)
            if code == -ENOENT { return names }
            guard code == 0, let entry else { throw error(code, "a list of objects", "") }
            names.append(String(cString: entry))
            StillWorking.current?.say()
        }
    }
}

extension CephCluster {
    /// Succeeds when there is one.
    func makePool(_ pool: String) throws(StorageError) {
        guard rados_pool_lookup(handle, pool) == -Int64(ENOENT) else { return }
        let code = rados_pool_create(handle, pool)
        guard code == 0 || code == -EEXIST else {
            guard code == -EPERM || code == -EACCES else { throw .ceph(code, expected: "a pool that can be made", at: pool) }
            throw StorageError(
                .accessDenied, expected: "a pool", found: "none, and no right to make one", at: pool,
                advice: "make it: `ceph osd pool create \(pool)`")
        }
    }
}

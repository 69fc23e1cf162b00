import Basics
import CephLibraries
import FlowModel
import Glibc
import StepKit
import StorageKit
import Synchronization

/// A pool as it is now, or as a snapshot of it is.
final class PoolView: Sendable {
    let pool: CephPool
    let snapshot: UInt64?
    private let contexts = Mutex<[[UInt8]: ObjectContext]>([:])

    init(_ pool: CephPool, snapshot: UInt64? = nil) {
        self.pool = pool
        self.snapshot = snapshot
    }

    /// The way to an object: those of a namespace share one, an object with a locator has its own.
    func context(of object: RadosObject) throws(StorageError) -> ObjectContext {
        guard object.locator.isEmpty else {
            return try ObjectContext(pool, namespace: object.namespace, locator: object.locator, snapshot: snapshot)
        }
        if let known = contexts.withLock({ $0[object.namespace] }) { return known }
        let made = try ObjectContext(pool, namespace: object.namespace, locator: [], snapshot: snapshot)
        contexts.withLock { $0[object.namespace] = made }
        return made
    }

    func error(_ code: Int32, _ expected: String, _ object: RadosObject) -> StorageError {
        if code == -ENOENT {
            return StorageError(
                .notFound, expected: expected, found: "no such object", at: "\(pool.name)/\(object.description)",
                advice: "it was removed meanwhile; read from a snapshot")
        }
        return .ceph(code, expected: expected, at: "\(pool.name)/\(object.description)")
    }

    /// Names every object that is there, was there when a snapshot was taken that still stands, or both; so some may turn out not to be there
    /// in this view. `namespace` nil: of all of them.
    func names(namespace: [UInt8]?, _ body: (RadosObject) throws -> Bool) throws {
        var made: rados_ioctx_t?
        let code = rados_ioctx_create2(pool.cluster.handle, pool.id, &made)
        guard code == 0, let made else { throw StorageError.ceph(code, expected: "a pool", at: pool.name) }
        defer { rados_ioctx_destroy(made) }
        // LIBRADOS_ALL_NSPACES, a macro that Swift does not see.
        (namespace ?? [1]).withName { rados_ioctx_set_namespace(made, $0) }
        var list: rados_list_ctx_t?
        let begun = rados_nobjects_list_open(made, &list)
        guard begun == 0, let list else { throw StorageError.ceph(begun, expected: "a list of objects", at: pool.name) }
        defer { rados_nobjects_list_close(list) }
        while true {
            var (name, locator, space): (UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafePointer<CChar>?)
            var (nameCount, locatorCount, spaceCount) = (0, 0, 0)
            let code = rados_nobjects_list_next2(list, &name, &locator, &space, &nameCount, &locatorCount, &spaceCount)
            if code == -ENOENT { return }
            guard code == 0 else { throw StorageError.ceph(code, expected: "a list of objects", at: pool.name) }
            StillWorking.current?.say()
            func bytes(_ start: UnsafePointer<CChar>?, _ count: Int) -> [UInt8] {
                start.map { Array(UnsafeRawBufferPointer(start: $0, count: count)) } ?? []
            }
            let object = RadosObject(
                namespace: bytes(space, spaceCount), name: bytes(name, nameCount), locator: bytes(locator, locatorCount))
            guard try body(object) else { return }
        }
    }
}

/// librados' handle with namespace, locator and snapshot set: set once, so that several threads may use it.
final class ObjectContext: @unchecked Sendable {
    let handle: rados_ioctx_t
    private let pool: CephPool

    init(_ pool: CephPool, namespace: [UInt8], locator: [UInt8], snapshot: UInt64?) throws(StorageError) {
        var made: rados_ioctx_t?
        let code = rados_ioctx_create2(pool.cluster.handle, pool.id, &made)
        guard code == 0, let made else { throw .ceph(code, expected: "a pool", at: pool.name) }
        rados_set_pool_full_try(made)
        namespace.withName { rados_ioctx_set_namespace(made, $0) }
        if !locator.isEmpty { locator.withName { rados_ioctx_locator_set_key(made, $0) } }
        if let snapshot { rados_ioctx_snap_set_read(made, snapshot) }
        (handle, self.pool) = (made, pool)
    }

    deinit { rados_ioctx_destroy(handle) }
}

extension [UInt8] {
    /// As librados takes names: they end at the first NUL.
    func withName<Value>(_ body: (UnsafePointer<CChar>) throws -> Value) rethrows -> Value {
        try (self + [0]).withUnsafeBytes { bytes in
            try bytes.withMemoryRebound(to: CChar.self) { try body($0.baseAddress!) }
        }
    }
}

import Basics
import FlowModel
import StepKit
import StorageKit
import Threads

/// A pool of a cluster, or a namespace of it, opened when it is asked something.
struct CephRadosSystem: System {
    let cluster: CephCluster.Settings
    let pool: String
    /// Nil: every one.
    let namespace: String?
    let readsAtOnce: Int
    /// Which cluster, as identities say it.
    let place: String

    /// librados blocks: every call has a thread of its own.
    func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        let working = StillWorking.current
        return try await BlockingPool(label: "rados", width: 1).run { try StillWorking.$current.withValue(working, operation: body) }
    }

    func connect() throws(StorageError) -> CephPool { try CephPool(try CephCluster(cluster), pool: pool, namespace: "") }

    func name(_ key: String) -> String { "snappy-flow-\(key)" }
    private var namespaceBytes: [UInt8]? { namespace.map { Array($0.utf8) } }

    private var logicalPath: TreePath {
        TreePath(["ceph-rados", FileName(pool)] + (namespaceBytes.map { [RadosPath.folder(namespace: $0)] } ?? []))
    }
}

extension CephRadosSystem: Snapshotting {
    /// A copy finds unchanged objects by their version, which a snapshot keeps.
    var keepsBase: Bool { false }

    func snapshot(key: String, _ context: StepContext) async throws -> SystemSnapshot {
        try Task.checkCancellation()
        let pool = try await blocking {
            let pool = try connect()
            try pool.takeSnapshot(name(key))
            return pool
        }
        try await PoolBarrier(pool: pool, namespace: namespaceBytes).wait()
        context.recorder.log(.info, "snapshot \(pool.name)@\(name(key))")
        return SystemSnapshot(key: key, state: ["snapshot": .string(name(key))])
    }

    func find(key: String, _ context: StepContext) async throws -> SystemSnapshot? {
        let found = try await blocking {
            let pool = try connect()
            return try pool.snapshotID(name(key)).map { _ in pool }
        }
        guard let pool = found else { return nil }
        // Who took it may have come no further.
        try await PoolBarrier(pool: pool, namespace: namespaceBytes).wait()
        return SystemSnapshot(key: key, state: ["snapshot": .string(name(key))])
    }

    func release(key: String, _ context: StepContext) async throws {
        try await blocking {
            do { try connect().removeSnapshot(name(key)) } catch let error as StorageError where error.kind == .notFound {
                // The pool went, and its snapshots with it.
            }
        }
    }
}

extension CephRadosSystem: TreeSource {
    func withTree<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any TreeReader) async throws -> Result
    ) async throws -> Result {
        let reader = try await blocking {
            let open = try connect()
            let id = try snapshot.map { snapshot in
                guard let id = try open.snapshotID(name(snapshot.key)) else {
                    throw StorageError(
                        .notFound, expected: "the snapshot of this job", found: "none", at: "\(pool)@\(name(snapshot.key))",
                        advice: "somebody removed it; run the pipeline again")
                }
                return id
            }
            return try PoolReader(
                PoolView(open, snapshot: id), namespace: namespaceBytes, logicalPath: logicalPath, readsAtOnce: readsAtOnce
            ) { [self] in
                // A new connection knows the pool as it is now.
                guard let snapshot, try connect().snapshotID(name(snapshot.key)) != id else { return }
                throw StorageError(
                    .changed, expected: "the snapshot \(name(snapshot.key)) until all of it was read",
                    found: "it was removed meanwhile",
                    at: pool,
                    advice: "what was read is no copy, and none was recorded; run the pipeline again, and leave its snapshots alone")
            }
        }
        return try await body(reader)
    }
}

extension CephRadosSystem: TreeDestination {
    func withTreeWriter<Result: Sendable>(
        overwrite: Bool, _ context: StepContext, _ body: @Sendable (any TreeWriter) async throws -> Result
    ) async throws -> Result {
        let writer = try await blocking {
            try PoolWriter(
                PoolView(connect()), namespace: namespaceBytes, overwrite: overwrite, scratchFolder: context.scratchFolder)
        }
        return try await body(writer)
    }

    func isEmpty(_ context: StepContext) async throws -> Bool? {
        try await blocking {
            let view = PoolView(try connect())
            var found = false
            // What is listed may be but the trace of an object that a snapshot still has.
            try view.names(namespace: namespaceBytes) { object in
                found = try view.facts(object) != nil
                return !found
            }
            return !found
        }
    }
}

extension CephRadosSystem: Discovering {
    /// The pools of the cluster.
    func discover(_ context: SystemContext) async throws -> [DiscoveredItem] {
        try await blocking {
            try CephCluster(cluster).pools().map { DiscoveredItem(identity: "ceph-rados:\(place)\($0)", summary: "a pool of objects") }
        }
    }
}

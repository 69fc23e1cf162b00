#if Ceph
    import FlowModel
    import StepKit
    import StorageKit
    import Threads

    /// An image of a cluster, opened when it is asked something.
    struct CephRBDSystem: System {
        let cluster: CephCluster.Settings
        let pool: String
        let namespace: String
        let image: String
        let shape: RBDShape

        /// librados blocks: every call has a thread of its own.
        private func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
            let working = StillWorking.current
            return try await BlockingPool(label: "ceph", width: 1).run { try StillWorking.$current.withValue(working, operation: body) }
        }

        private func connect() throws(StorageError) -> CephPool { try CephPool(try CephCluster(cluster), pool: pool, namespace: namespace) }

        private func name(_ key: String) -> String { "snappy-flow-\(key)" }

        /// Nil when the image has no such snapshot.
        private func recorded(_ key: String, _ image: RBDImage) throws(StorageError) -> RBDPoint? {
            guard let snapshot = try image.snapshots()[name(key)] else { return nil }
            return RBDPoint(
                cluster: image.pool.cluster.id, pool: image.pool.id, image: try image.id(), snapshot: snapshot, name: name(key))
        }
    }

    extension CephRBDSystem: Snapshotting {
        /// What changed since is known without reading.
        var keepsBase: Bool { true }

        func snapshot(key: String, _ context: StepContext) async throws -> SystemSnapshot {
            try Task.checkCancellation()
            let point = try await blocking {
                let image = try RBDImage(image, in: connect(), .readWrite)
                if let there = try recorded(key, image) { return there }
                try image.takeSnapshot(name(key))
                guard let made = try recorded(key, image) else {
                    throw StorageError(
                        .notFound, expected: "the snapshot that was taken", found: "none", at: image.location, retry: .transient)
                }
                return made
            }
            context.recorder.log(.info, "snapshot \(pool)/\(image)@\(point.name)")
            return SystemSnapshot(key: key, state: try JSONValue(encoding: point))
        }

        func find(key: String, _ context: StepContext) async throws -> SystemSnapshot? {
            let point = try await blocking { try recorded(key, RBDImage(image, in: connect(), .readOnly)) }
            return try point.map { SystemSnapshot(key: key, state: try JSONValue(encoding: $0)) }
        }

        func release(key: String, _ context: StepContext) async throws {
            try await blocking {
                let pool = try connect()
                do {
                    try RBDImage(image, in: pool, .readWrite).removeSnapshot(name(key))
                } catch let error as StorageError where error.kind == .notFound {
                    // The image went, and its snapshots with it.
                }
            }
        }
    }

    extension CephRBDSystem: ImageSource {
        var logicalPath: TreePath {
            TreePath(["ceph-rbd", FileName(pool)] + (namespace.isEmpty ? [] : [FileName(namespace)]) + [FileName(image)])
        }

        func withImage<Result: Sendable>(
            of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any ImageReader) async throws -> Result
        ) async throws -> Result {
            let reader = try await blocking {
                let opened = try RBDImage(image, in: connect(), snapshot: snapshot.map { name($0.key) }, .readOnly)
                let point = try snapshot.flatMap { try recorded($0.key, opened) }
                return RBDReader(image: opened, point: point, size: try opened.size())
            }
            return try await body(reader)
        }
    }

    extension CephRBDSystem: ImageDestination {
        func withImageWriter<Result: Sendable>(
            size: Int64, overwrite: Bool, _ context: StepContext, _ body: @Sendable (any ImageWriter) async throws -> Result
        ) async throws -> Result {
            let target = try await blocking { try RBDTarget(image, in: connect(), size: size, shape: shape, overwrite: overwrite) }
            return try await body(target)
        }

        func withImageWriter<Result: Sendable>(
            within part: Range<Int64>, _ context: StepContext, _ body: @Sendable (any ImageWriter) async throws -> Result
        ) async throws -> Result {
            let target = try await blocking { try RBDTarget(image, in: connect(), within: part) }
            return try await body(target)
        }
    }

    extension CephRBDSystem: Discovering {
        /// The images of the pool.
        func discover(_ context: StepContext) async throws -> [DiscoveredItem] {
            try await blocking {
                try connect().images().map { DiscoveredItem(identity: "ceph-rbd:\(pool)/\($0)", summary: "an image of pool \(pool)") }
            }
        }
    }
#endif

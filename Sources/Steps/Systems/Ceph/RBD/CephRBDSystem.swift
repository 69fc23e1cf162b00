import Basics
import FlowModel
import StepKit
import StorageKit
import Threads

/// An image of a cluster, opened when it is asked something.
struct CephRBDSystem: System {
    let connections: CephConnections
    let cluster: CephCluster.Settings
    let pool: String
    let namespace: String
    let image: String
    let shape: RBDShape
    /// A snapshot is held by a clone of it for as long as it is read.
    let clones: Bool

    /// librados blocks: every call has a thread of its own.
    func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        let working = StillWorking.current
        return try await BlockingPool(label: "ceph", width: 1).run { try StillWorking.$current.withValue(working, operation: body) }
    }

    func openPool() throws(StorageError) -> CephPool {
        try CephPool(connections.cluster(cluster), pool: pool, namespace: namespace)
    }

    func name(_ key: String) -> String { "snappy-flow-\(key)" }

    /// What the snapshots of a step's systems share; their own keys end with their places in the list.
    private func groupName(_ key: String) -> String {
        let parts = key.split(separator: "-", omittingEmptySubsequences: false)
        return name(parts.count > 1 && parts.last.flatMap { Int($0) } != nil ? parts.dropLast().joined(separator: "-") : key)
    }

    /// Nil when the image has no such snapshot.
    private func recorded(_ key: String, _ image: RBDImage) throws(StorageError) -> RBDPoint? {
        guard let snapshot = try image.snapshots()[name(key)] else { return nil }
        let group = try image.groupSnapshot(named: groupName(key)).map { "\($0.poolID)/\($0.group)/\($0.name)" }
        return RBDPoint(
            cluster: image.pool.cluster.id, pool: image.pool.id, image: try image.id(), snapshot: snapshot, name: name(key),
            group: group)
    }
}

extension CephRBDSystem: Connecting {
    func connect() async throws {
        let (connections, cluster) = (connections, cluster)
        _ = try await blocking { try connections.cluster(cluster) }
    }
}

extension CephRBDSystem: Snapshotting {
    /// What changed since is known without reading.
    var keepsBase: Bool { true }
    /// A group is given back by the undo of all its systems.
    var retires: Bool { clones }

    func snapshot(key: String, _ context: StepContext) async throws -> SystemSnapshot {
        try Task.checkCancellation()
        let point = try await blocking {
            let image = try RBDImage(image, in: openPool(), .readWrite)
            var point = try recorded(key, image)
            if point == nil {
                try image.takeSnapshot(name(key))
                point = try recorded(key, image)
            }
            guard var made = point else {
                throw StorageError(
                    .notFound, expected: "the snapshot that was taken", found: "none", at: image.location, retry: .transient)
            }
            if clones { made.clone = try image.holdSnapshot(made.name) }
            return made
        }
        context.recorder.log(
            .info, "snapshot \(pool)/\(image)@\(point.name)" + (point.clone.map { ", protected, with the clone \(pool)/\($0)" } ?? ""))
        return SystemSnapshot(key: key, state: try JSONValue(encoding: point))
    }

    func find(key: String, _ context: StepContext) async throws -> SystemSnapshot? {
        let point: RBDPoint? = try await blocking {
            let image = try RBDImage(image, in: openPool(), .readOnly)
            guard var point = try recorded(key, image) else { return nil }
            if clones {
                // Without its clone it is half made.
                guard let clone = try image.clone(of: point.name) else { return nil }
                point.clone = clone
            }
            return point
        }
        return try point.map { SystemSnapshot(key: key, state: try JSONValue(encoding: $0)) }
    }

    func release(key: String, _ context: StepContext) async throws {
        try await blocking {
            let cluster = try connections.cluster(cluster)
            do {
                let opened = try RBDImage(image, in: CephPool(cluster, pool: pool, namespace: namespace), .readWrite)
                try removeGroup(key, opened)
                // Whatever the settings say now: it may have been made under others.
                try opened.removeClone(of: name(key))
                try opened.unprotectSnapshot(name(key))
                try opened.removeSnapshot(name(key))
            } catch let error as StorageError where error.kind == .notFound {
                // The image or its pool went, and its snapshots with it, or neither ever was.
            }
        }
    }
}

extension CephRBDSystem: GroupSnapshotting {
    /// A group is of one cluster; its images may be in several pools. A group's snapshot can't be cloned.
    var groupPlace: String? {
        clones ? nil : CephSettings.clusterName(configuration: cluster.configuration, monitors: cluster.monitors)
    }

    func areOfOneInstant(_ snapshots: [SystemSnapshot]) -> Bool {
        let groups = Set(snapshots.map { $0.state["group"]?.stringValue })
        return groups.count == 1 && groups != [nil]
    }

    func snapshot(key: String, with others: [GroupMember], _ context: StepContext) async throws -> [SystemSnapshot] {
        try Task.checkCancellation()
        let members =
            try [(system: self, key: key)]
            + others.map { member in
                guard let system = member.system as? CephRBDSystem else {
                    throw StorageError(.invalid, expected: "images of one cluster", found: "another system", at: "group of \(image)")
                }
                return (system: system, key: member.key)
            }
        let points = try await blocking {
            let pool = try openPool()
            let images = try members.map { member in
                try RBDImage(
                    member.system.image, in: CephPool(pool.cluster, pool: member.system.pool, namespace: member.system.namespace),
                    .readWrite)
            }
            for (member, image) in zip(members, images) { try image.takeSnapshot(name(member.key)) }
            try group(of: images, key, pool).takeSnapshot(groupName(key))
            return try zip(members, images).map { member, image in
                guard let point = try recorded(member.key, image), point.group != nil else {
                    throw StorageError(
                        .notFound, expected: "the snapshot that was taken", found: "none", at: image.location, retry: .transient)
                }
                return point
            }
        }
        context.recorder.log(.info, "one snapshot of \(members.map(\.system.image).joined(separator: ", ")): \(points[0].group ?? "")")
        return try zip(members, points).map { SystemSnapshot(key: $0.key, state: try JSONValue(encoding: $1)) }
    }

    /// The group that all of them are in, else a new one: an image is in one at most.
    private func group(of images: [RBDImage], _ key: String, _ pool: CephPool) throws(StorageError) -> RBDGroup {
        var found: Set<String> = []
        var place: (poolID: Int64, name: String)?
        for image in images {
            let group = try image.group()
            found.insert(group.map { "\($0.poolID)/\($0.name)" } ?? "none")
            place = place ?? group
        }
        guard found.count == 1 else {
            throw StorageError(
                .invalid, expected: "images that are in one group, or in none", found: found.sorted().joined(separator: ", "),
                at: images.map(\.location).joined(separator: ", "),
                advice: "see `rbd group list`; put them into one group, or take them out")
        }
        if let place { return RBDGroup(pool: try CephPool(pool.cluster, poolID: place.poolID, namespace: namespace), name: place.name) }
        // With the image's id in it, no two steps anywhere mean the same group.
        let group = RBDGroup(pool: pool, name: "\(groupName(key)).\(try images[0].id())")
        try group.make()
        for image in images { try group.add(image.name, of: image.pool) }
        return group
    }

    func retire(key: String, _ context: StepContext) async throws {
        try await blocking {
            do {
                let opened = try RBDImage(image, in: openPool(), .readWrite)
                try removeGroup(key, opened)
                // The base stays protected: nobody removes it by mistake.
                try opened.removeClone(of: name(key))
            } catch let error as StorageError where error.kind == .notFound {
                // The image went, and what it held with it.
            }
        }
    }

    /// The group's snapshot, and the group where it is one of ours: for all of its images, whoever asks first.
    private func removeGroup(_ key: String, _ image: RBDImage) throws(StorageError) {
        let name = groupName(key)
        if let part = try image.groupSnapshot(named: name) {
            let pool = try CephPool(image.pool.cluster, poolID: part.poolID, namespace: namespace)
            try RBDGroup(pool: pool, name: part.group).removeSnapshot(name)
        }
        if let group = try image.group(), group.name.hasPrefix(name + ".") {
            try RBDGroup(pool: CephPool(image.pool.cluster, poolID: group.poolID, namespace: namespace), name: group.name).remove()
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
            // Never opened by the snapshot's name: one that was taken while the cluster was full has no object map, and librbd then says
            // that there is no such image.
            let opened = try RBDImage(image, in: openPool(), .readOnly)
            var point: RBDPoint?
            var groupSnapshot: UInt64?
            if let snapshot, let group = try? snapshot.state.decoded(as: RBDPoint.self).group {
                guard let part = try opened.groupSnapshot(named: groupName(snapshot.key)) else {
                    throw StorageError(
                        .notFound, expected: "the group's snapshot \(group)", found: "none", at: opened.location,
                        advice: "it was removed; run the pipeline anew")
                }
                point = try recorded(snapshot.key, opened)
                groupSnapshot = part.snapshot
                try opened.show(part.snapshot)
            } else if let snapshot {
                guard let found = try recorded(snapshot.key, opened) else {
                    throw StorageError(
                        .notFound, expected: "the snapshot that was taken for this copy", found: "none",
                        at: "\(opened.location)@\(name(snapshot.key))", advice: "it was removed: `rbd snap ls`; run the pipeline anew")
                }
                point = found
                try opened.show(found.snapshot)
            }
            let shape = try opened.shape().recorded
            return RBDReader(
                image: opened, point: point, groupSnapshot: groupSnapshot, size: try opened.size(),
                attributes: shape.map { [$0] } ?? [])
        }
        return try await body(reader)
    }
}

extension CephRBDSystem: ImageDestination {
    func withImageWriter<Result: Sendable>(
        of described: ImageDescription, overwrite: Bool, _ context: StepContext,
        _ body: @Sendable (any ImageWriter) async throws -> Result
    ) async throws -> Result {
        let target = try await blocking {
            try RBDTarget(image, in: openPool(), size: described.size, shape: shape.completed(by: described), overwrite: overwrite)
        }
        return try await body(target)
    }

    func withImageWriter<Result: Sendable>(
        within part: Range<Int64>, _ context: StepContext, _ body: @Sendable (any ImageWriter) async throws -> Result
    ) async throws -> Result {
        let target = try await blocking { try RBDTarget(image, in: openPool(), within: part) }
        return try await body(target)
    }
}

extension CephRBDSystem: Discovering {
    /// The images of the pool.
    func discover(_ context: SystemContext) async throws -> [DiscoveredItem] {
        try await blocking {
            try openPool().images().filter { !$0.contains(RBDImage.markOfOurs) }.map {
                DiscoveredItem(identity: "ceph-rbd:\(pool)/\($0)", summary: "an image of pool \(pool)")
            }
        }
    }
}

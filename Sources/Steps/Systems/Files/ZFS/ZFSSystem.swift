import Basics
import StepKit
import StorageKit

/// An opened dataset.
struct ZFSSystem: System {
    let dataset: Dataset
    let selection: SelectionSettings
    let missesNested: Bool
    let cloneFolder: String

    private func snapshot(_ key: String) -> DatasetSnapshot { DatasetSnapshot(dataset: dataset, key: key, cloneFolder: cloneFolder) }

    /// Where it is mounted, as a folder. What is mounted below is never a part of it.
    private func files() throws(StorageError) -> DirectorySystem {
        DirectorySystem(path: try dataset.mountPoint(), selection: selection, oneFileSystem: true)
    }

    /// What is mounted below `path`.
    private func nested(_ path: String, _ context: StepContext) async throws -> [TreePath: String] {
        guard missesNested else { return [:] }
        let below = Set(
            try await dataset.zfs(["list", "-H", "-r", "-t", "filesystem", "-o", "name", dataset.name], context).compactMap(\.first))
        return try MountTable.current().mounts.reduce(into: [:]) { found, mount in
            guard mount.source != dataset.name, below.contains(mount.source), mount.point.hasPrefix(path + "/") else { return }
            found[TreePath(String(mount.point.dropFirst(path.count)))] = mount.source
        }
    }
}

extension ZFSSystem: Snapshotting {
    /// A copy finds unchanged files by their metadata, which a snapshot keeps.
    var keepsBase: Bool { false }

    func snapshot(key: String, _ context: StepContext) async throws -> SystemSnapshot {
        try Task.checkCancellation()
        try FreezeMark.refuseWriting(to: try dataset.mountPoint())
        let snapshot = snapshot(key)
        try await snapshot.make(context)
        context.recorder.log(.info, "snapshot \(snapshot.name)")
        return SystemSnapshot(key: key, state: ["snapshot": .string(snapshot.name)])
    }

    func find(key: String, _ context: StepContext) async throws -> SystemSnapshot? {
        let snapshot = snapshot(key)
        return try await snapshot.isThere(context) ? SystemSnapshot(key: key, state: ["snapshot": .string(snapshot.name)]) : nil
    }

    func release(key: String, _ context: StepContext) async throws { try await snapshot(key).remove(context) }
}

extension ZFSSystem: TreeSource {
    func withTree<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any TreeReader) async throws -> Result
    ) async throws -> Result {
        let files = try files()
        var place = files.path
        if let snapshot { place = try await self.snapshot(snapshot.key).place(context) }
        let nested = try await nested(files.path, context)
        return try await files.withTree(at: place, context) { try await body(DatasetReader(files: $0, nested: nested)) }
    }
}

extension ZFSSystem: TreeDestination {
    func withTreeWriter<Result: Sendable>(
        overwrite: Bool, _ context: StepContext, _ body: @Sendable (any TreeWriter) async throws -> Result
    ) async throws -> Result {
        try await files().withTreeWriter(overwrite: overwrite, context, body)
    }
}

extension ZFSSystem: Discovering {
    /// What is mounted.
    func discover(_ context: SystemContext) async throws -> [DiscoveredItem] {
        try MountTable.current().mounts.filter { ["zfs", "fuse.zfs"].contains($0.type) }.map {
            DiscoveredItem(identity: "zfs:\($0.source)", summary: "mounted at \($0.point)")
        }
    }
}

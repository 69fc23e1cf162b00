import Basics
import StepKit
import StorageKit
import Threads

/// An opened subvolume.
struct BtrfsSystem: System {
    let files: DirectorySystem
    let missesNested: Bool
    let snapshotFolder: String?

    private func snapshot(_ key: String) -> SubvolumeSnapshot {
        SubvolumeSnapshot(
            source: files.path, folder: snapshotFolder ?? files.path + "/" + SnapshotFolder.name.description, key: key)
    }
}

extension BtrfsSystem: Snapshotting {
    /// A copy finds unchanged files by their metadata, which a snapshot keeps.
    var keepsBase: Bool { false }

    func snapshot(key: String, _ context: StepContext) async throws -> SystemSnapshot {
        try Task.checkCancellation()
        let snapshot = snapshot(key)
        try await BlockingPool(label: "snapshot", width: 1).run { try snapshot.make() }
        context.recorder.log(.info, "snapshot \(snapshot.place)")
        return SystemSnapshot(key: key, state: ["subvolume": .string(snapshot.place)])
    }

    func find(key: String, _ context: StepContext) async throws -> SystemSnapshot? {
        let snapshot = snapshot(key)
        return snapshot.isThere ? SystemSnapshot(key: key, state: ["subvolume": .string(snapshot.place)]) : nil
    }

    func release(key: String, _ context: StepContext) async throws {
        let snapshot = snapshot(key)
        try await BlockingPool(label: "release", width: 1).run { try snapshot.remove() }
    }
}

extension BtrfsSystem: TreeSource {
    func withTree<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any TreeReader) async throws -> Result
    ) async throws -> Result {
        guard let snapshot else { return try await files.withTree(of: nil, context, body) }
        let missesNested = missesNested
        return try await files.withTree(at: self.snapshot(snapshot.key).place, context) {
            try await body(SubvolumeReader(files: $0, missesNested: missesNested))
        }
    }
}

extension BtrfsSystem: TreeDestination {
    func withTreeWriter<Result: Sendable>(
        overwrite: Bool, _ context: StepContext, _ body: @Sendable (any TreeWriter) async throws -> Result
    ) async throws -> Result {
        try await files.withTreeWriter(overwrite: overwrite, context, body)
    }
}

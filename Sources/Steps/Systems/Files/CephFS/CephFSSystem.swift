import Basics
import StepKit
import StorageKit
import Threads

/// An opened folder of a CephFS.
struct CephFSSystem: System {
    let files: DirectorySystem
    let snapshotFolder: String

    private func snapshot(_ key: String) -> CephFSSnapshot { CephFSSnapshot(source: files.path, snapshotFolder: snapshotFolder, key: key) }
}

extension CephFSSystem: Snapshotting {
    /// A copy finds unchanged files by their metadata, which a snapshot keeps.
    var keepsBase: Bool { false }

    func snapshot(key: String, _ context: StepContext) async throws -> SystemSnapshot {
        try Task.checkCancellation()
        let snapshot = snapshot(key)
        try await BlockingPool(label: "snapshot", width: 1).run { try snapshot.make() }
        context.recorder.log(.info, "snapshot \(snapshot.place)")
        return SystemSnapshot(key: key, state: ["folder": .string(snapshot.place)])
    }

    func find(key: String, _ context: StepContext) async throws -> SystemSnapshot? {
        let snapshot = snapshot(key)
        let isThere = try await BlockingPool(label: "snapshot", width: 1).run { snapshot.isThere }
        return isThere ? SystemSnapshot(key: key, state: ["folder": .string(snapshot.place)]) : nil
    }

    func release(key: String, _ context: StepContext) async throws {
        let snapshot = snapshot(key)
        try await BlockingPool(label: "release", width: 1).run { try snapshot.remove() }
    }
}

extension CephFSSystem: TreeSource {
    func withTree<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any TreeReader) async throws -> Result
    ) async throws -> Result {
        try await files.withTree(at: snapshot.map { self.snapshot($0.key).place } ?? files.path, context) {
            try await body(CephFSReader(files: $0))
        }
    }
}

extension CephFSSystem: TreeDestination {
    func withTreeWriter<Result: Sendable>(
        overwrite: Bool, _ context: StepContext, _ body: @Sendable (any TreeWriter) async throws -> Result
    ) async throws -> Result {
        try await files.withTreeWriter(overwrite: overwrite, context, body)
    }
}

import Basics
import Foundation
import Glibc
import StepKit
import StorageKit
import Threads

/// An opened guest.
struct GuestSystem: System {
    let disks: [GuestDisk]
    /// Paths by the names that the files have in the copy.
    let definition: [String: String]
    /// Without the type's name.
    let identity: String

    /// `/guest/<identity>`; a slash in the identity would make folders of it.
    var logicalPath: TreePath { TreePath([FileName("guest"), FileName(identity.replacing("/", with: "_"))]) }

    func snapshot(_ key: String) -> GuestSnapshot { GuestSnapshot(disks: disks, definition: definition, key: key) }
}

extension GuestSystem: PartSource {
    func withParts<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable ([OpenPart]) async throws -> Result
    ) async throws -> Result {
        var parts: [OpenPart] = []
        for disk in disks {
            let place = snapshot.map { disk.clone($0.key).whole } ?? disk.path
            let image = try DeviceImage(path: place, isClone: snapshot != nil) { disk.clone($0).whole }
            parts.append(OpenPart(name: FileName(disk.name), content: .image(image)))
        }
        guard !definition.isEmpty else { return try await body(parts) }
        let folder = snapshot.map { self.snapshot($0.key).definitionFolder } ?? context.scratchFolder + "/" + GuestType.definitionName
        if snapshot == nil {
            let files = DefinitionFiles(paths: definition)
            try await BlockingPool(label: "definition", width: 1).run { _ = try files.copy(to: folder) }
        }
        let reader = try FolderReader(path: folder, logicalPath: logicalPath.appending(FileName(GuestType.definitionName)))
        return try await body(parts + [OpenPart(name: FileName(GuestType.definitionName), content: .tree(reader))])
    }
}

extension GuestSystem: Snapshotting {
    var keepsBase: Bool { true }

    func snapshot(key: String, _ context: StepContext) async throws -> SystemSnapshot {
        let (snapshot, stop, working) = (snapshot(key), StopFlag(), StillWorking.current)
        let tries = try await withTaskCancellationHandler {
            try await BlockingPool(label: "snapshot", width: 1).run {
                try snapshot.make {
                    working?.say()
                    return stop.isRaised
                }
            }
        } onCancel: {
            stop.raise()
        }
        context.recorder.log(.info, "cloned \(disks.count.counted("disk")) as of one instant" + (tries > 1 ? ", at the \(tries). try" : ""))
        return SystemSnapshot(key: key, state: ["mark": .string(snapshot.mark)])
    }

    func find(key: String, _ context: StepContext) async throws -> SystemSnapshot? {
        let snapshot = snapshot(key)
        return snapshot.isWhole ? SystemSnapshot(key: key, state: ["mark": .string(snapshot.mark)]) : nil
    }

    func release(key: String, _ context: StepContext) async throws {
        let snapshot = snapshot(key)
        try await BlockingPool(label: "release", width: 1).run { try snapshot.remove() }
    }
}

extension GuestSystem: TreeDestination {
    func withTreeWriter<Result: Sendable>(
        overwrite: Bool, _ context: StepContext, _ body: @Sendable (any TreeWriter) async throws -> Result
    ) async throws -> Result {
        try await GuestWriter.withWriter(disks: disks, definition: definition, overwrite: overwrite, body)
    }

    func isEmpty(_ context: StepContext) async throws -> Bool? {
        (disks.map(\.path) + definition.values).allSatisfy { access($0, F_OK) != 0 }
    }
}

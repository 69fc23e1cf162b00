import Basics
import Foundation
import StepKit
import StorageKit
import Threads

/// An opened block device or image file.
struct BlockDeviceSystem: System {
    let path: String
    let staging: ByteCount?
    let snapshotFolder: String?

    /// `/blockdevice/<path>`: an image is no tree that could lie under its own path.
    var logicalPath: TreePath { TreePath([FileName("blockdevice")] + TreePath(path).parts) }

    func clone(_ key: String) -> ImageClone {
        let beside = (path as NSString).deletingLastPathComponent + "/.snappy-flow-snapshots"
        return ImageClone(source: path, folder: snapshotFolder ?? beside, key: key)
    }
}

extension BlockDeviceSystem: ImageSource {
    func withImage<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any ImageReader) async throws -> Result
    ) async throws -> Result {
        let system = self
        let image = try DeviceImage(path: snapshot.map { clone($0.key).whole } ?? path, isClone: snapshot != nil) { system.clone($0).whole }
        return try await body(image)
    }
}

extension BlockDeviceSystem: ImageDestination {
    func withImageWriter<Result: Sendable>(
        of image: ImageDescription, overwrite: Bool, _ context: StepContext, _ body: @Sendable (any ImageWriter) async throws -> Result
    ) async throws -> Result {
        let target = path
        let writer = try await BlockingPool(label: "target", width: 1).run {
            try ImageTarget(path: target, size: image.size, overwrite: overwrite)
        }
        return try await body(writer)
    }

    func withImageWriter<Result: Sendable>(
        within part: Range<Int64>, _ context: StepContext, _ body: @Sendable (any ImageWriter) async throws -> Result
    ) async throws -> Result {
        let target = path
        let writer = try await BlockingPool(label: "target", width: 1).run { try ImageTarget(path: target, within: part) }
        return try await body(writer)
    }
}

extension BlockDeviceSystem: Snapshotting {
    /// A clone tells which extents were written since, for it still shares the others. A copy tells nothing.
    var keepsBase: Bool { staging == nil }

    func snapshot(key: String, _ context: StepContext) async throws -> SystemSnapshot {
        let (clone, limit, stop) = (clone(key), staging, StopFlag())
        let copied = try await withTaskCancellationHandler {
            try await BlockingPool(label: "snapshot", width: 1).run { try clone.make(copyingAtMost: limit, isStopped: { stop.isRaised }) }
        } onCancel: {
            stop.raise()
        }
        context.recorder.log(.info, "snapshot \(clone.whole): " + (copied.map { "\($0.approximate) copied" } ?? "cloned"))
        return SystemSnapshot(key: key, state: ["image": .string(clone.whole)])
    }

    func find(key: String, _ context: StepContext) async throws -> SystemSnapshot? {
        let clone = clone(key)
        return clone.isWhole ? SystemSnapshot(key: key, state: ["image": .string(clone.whole)]) : nil
    }

    func release(key: String, _ context: StepContext) async throws {
        let clone = clone(key)
        try await BlockingPool(label: "release", width: 1).run { try clone.remove() }
    }
}

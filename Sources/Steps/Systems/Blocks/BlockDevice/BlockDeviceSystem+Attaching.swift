import Basics
import FlowModel
import StepKit
import StorageKit
import Threads

/// The file system within the image, as a tree.
extension BlockDeviceSystem: Attaching {
    private func mounted(_ key: String, of snapshot: SystemSnapshot?) -> MountedImage {
        guard let snapshot else { return MountedImage(key: key, source: path, own: nil) }
        let source = clone(snapshot.key).whole
        return MountedImage(
            key: key, source: source, own: ImageClone(source: source, folder: clone(key).folder, key: key, isOfClone: true))
    }

    func attach(_ view: SystemView, of snapshot: SystemSnapshot?, key: String, _ context: StepContext) async throws -> Attachment {
        let (mounted, limit, stop) = (mounted(key, of: snapshot), staging, StopFlag())
        let place = try await withTaskCancellationHandler {
            try await BlockingPool(label: "attach", width: 1).run { try mounted.make(copyingAtMost: limit, isStopped: { stop.isRaised }) }
        } onCancel: {
            stop.raise()
        }
        context.recorder.log(.info, "mounted the \(place.fileSystem) of \(mounted.source) at \(mounted.point), over \(place.device)")
        return Attachment(
            key: key, view: view, snapshot: snapshot,
            state: ["mount": .string(mounted.point), "device": .string(place.device), "fileSystem": .string(place.fileSystem)])
    }

    func detach(key: String, state: [String: JSONValue], _ context: StepContext) async throws {
        // Whether it was of a snapshot, nothing needs to have been recorded: a clone that is not there is removed, too.
        let mounted = mounted(key, of: SystemSnapshot(key: key))
        try await BlockingPool(label: "detach", width: 1).run { try mounted.remove() }
    }

    func attached(_ attachment: Attachment) throws -> any System {
        ImageTree(point: mounted(attachment.key, of: nil).point, logicalPath: logicalPath, image: path)
    }
}

/// What is mounted of an image, as a tree.
struct ImageTree: TreeSource {
    let point: String
    /// The image's own: the tree is what is in it.
    let logicalPath: TreePath
    let image: String

    func withTree<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any TreeReader) async throws -> Result
    ) async throws -> Result {
        // The reader holds the mount. That it is one is asked afterwards: an empty folder in its place is no copy of it.
        let reader = try FolderReader(path: point, logicalPath: logicalPath, oneFileSystem: true)
        guard try MountedImage.mount(at: point) != nil else {
            throw StorageError(
                .unavailable, expected: "the file system of \(image), mounted at \(point)", found: "nothing mounted", at: point,
                advice: "somebody has unmounted it, or the host was started anew; retry the job: it is attached again")
        }
        return try await body(reader)
    }
}

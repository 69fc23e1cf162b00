import Foundation
import Glibc

/// An xfs of the test's own, which can clone files (reflink), mounted over a loop device. Only root may mount.
public final class LoopMountRig: Sendable {
    /// Where it is mounted.
    public let path: String
    private let folder: ScratchFolder

    /// Nil when not root: the caller then tests what an ordinary user can. CI runs as root, where anything that fails here fails the test.
    public static func xfs() async throws -> LoopMountRig? {
        guard geteuid() == 0 else { return nil }
        let folder = try ScratchFolder("loop")
        let (image, path) = (folder.file("image"), folder.file("mount"))
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard FileManager.default.createFile(atPath: image, contents: nil), truncate(image, 320 << 20) == 0 else {
            throw ResticRig.Failure(description: "no room for a file system image at \(image)")
        }
        try await HostProgram.run(["mkfs.xfs", "-q", "-m", "reflink=1", image])
        try await HostProgram.run(["mount", "-o", "loop", image, path])
        return LoopMountRig(path: path, folder: folder)
    }

    private init(path: String, folder: ScratchFolder) {
        self.path = path
        self.folder = folder
    }

    deinit { _ = umount2(path, Int32(MNT_DETACH)) }
}

import Foundation
import Glibc

/// An xfs of the test's own, which can clone files (reflink), mounted over a loop device. Only root may mount.
public enum LoopMountRig {
    /// Hands `body` the mount point, which is gone afterwards. Nil when not root: the test then does what an ordinary user can. CI runs as
    /// root, where anything that fails here fails the test.
    public static func withXFS(_ body: (String?) async throws -> Void) async throws {
        guard geteuid() == 0 else { return try await body(nil) }
        let folder = try ScratchFolder("loop")
        let (image, path) = (folder.file("image"), folder.file("mount"))
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard FileManager.default.createFile(atPath: image, contents: nil), truncate(image, 320 << 20) == 0 else {
            throw ResticRig.Failure(description: "no room for a file system image at \(image)")
        }
        try await HostProgram.run(["mkfs.xfs", "-q", "-m", "reflink=1", image])
        try await HostProgram.run(["mount", "-o", "loop", image, path])
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await body(path)) } catch { outcome = .failure(error) }
        // Lazily: a child that is just starting may hold it for a moment.
        try await HostProgram.run(["umount", "--lazy", path])
        try outcome.get()
        withExtendedLifetime(folder) {}
    }
}

import Foundation
import Glibc

/// A file system of the test's own over a loop device, mounted until the object goes. Only root may mount: anybody else gets an error, which
/// fails the test.
public final class LoopMount: Sendable {
    public let path: String
    private let folder: ScratchFolder

    /// `type`: ext4, xfs or btrfs. Mounted at `path`, which is made; in a folder of its own by default. `image` is where the image lies.
    public init(_ type: String, at path: String? = nil, image: String? = nil) async throws {
        guard geteuid() == 0 else { throw ResticRig.Failure(description: "mounting a \(type) needs root; run the tests as root") }
        folder = try ScratchFolder("loop")
        self.path = path ?? folder.file("mount")
        self.image = image ?? folder.file("image")
        let image = self.image
        try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true)
        guard FileManager.default.createFile(atPath: image, contents: nil),
            truncate(image, ["xfs": 320 << 20, "btrfs": 1 << 30][type] ?? 160 << 20) == 0
        else {
            throw ResticRig.Failure(description: "no room for a file system image at \(image)")
        }
        try await HostProgram.run(["mkfs.\(type)", "-q", image])
        try await HostProgram.run(["mount", "-o", "loop", image, self.path])
    }

    /// The image behind it.
    public let image: String

    /// Whether nobody can write to it. Asks the kernel for a freeze, which it refuses where there is one.
    public var isFrozen: Bool {
        get async throws {
            let script = """
                if said=$(fsfreeze --freeze '\(path)' 2>&1); then fsfreeze --unfreeze '\(path)'; echo free
                else case "$said" in *"resource busy"*) echo frozen ;; *) echo "$said" >&2; exit 1 ;; esac; fi
                """
            return try await HostProgram.run(["bash", "-c", script]) == "frozen\n"
        }
    }

    /// Frozen or not, it goes: a frozen mount would hang whoever writes there next.
    deinit {
        for program in [["fsfreeze", "--unfreeze", path], ["umount", "--lazy", path]] {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = program
            process.standardError = FileHandle.nullDevice
            guard (try? process.run()) != nil else { continue }
            process.waitUntilExit()
        }
    }
}

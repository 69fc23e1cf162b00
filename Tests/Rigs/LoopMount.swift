import Foundation
import Glibc

/// A file system of the test's own over a loop device, mounted until the object goes. Only root may mount: anybody else gets an error, which
/// fails the test.
public final class LoopMount: Sendable {
    public let path: String
    private let folder: ScratchFolder

    /// `type`: ext4, xfs or btrfs. Mounted at `path`, which is made; in a folder of its own by default. `image` is where the image lies. It takes as much
    /// room as is written to it, `megabytes` at most.
    public init(_ type: String, at path: String? = nil, image: String? = nil, megabytes: Int? = nil) async throws {
        guard geteuid() == 0 else { throw ResticRig.Failure(description: "mounting a \(type) needs root; run the tests as root") }
        folder = try ScratchFolder("loop")
        self.path = path ?? folder.file("mount")
        self.image = image ?? folder.file("image")
        let image = self.image
        try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true)
        guard FileManager.default.createFile(atPath: image, contents: nil),
            truncate(image, megabytes.map { $0 << 20 } ?? ["xfs": 320 << 20, "btrfs": 1 << 30][type] ?? 160 << 20) == 0
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

    /// Takes every byte there is, those for root alone too (which ext4 keeps back), in one call: nobody else gets a turn.
    public func fill() async throws {
        let script = """
            size() { stat -f -c "$1 %S" '\(path)' | { read -r count block; echo $((count * block)); }; }
            fallocate -l "$(size %f)" '\(filler)' 2>/dev/null || true
            [ "$(size %a)" -lt 262144 ] || fallocate -l "$(size %a)" '\(filler).more' || true
            [ "$(size %a)" -lt 262144 ] || { size %a >&2; exit 1; }
            """
        _ = try await HostProgram.run(["bash", "-c", script])
    }

    /// Takes what ordinary users could take, but for so many megabytes.
    public func fill(leaving megabytes: Int) async throws {
        let script = """
            stat -f -c '%a %S' '\(path)' | { read -r count block; exec fallocate -l $((count * block - (\(megabytes) << 20))) '\(filler)'; }
            """
        try await HostProgram.run(["bash", "-c", script])
    }

    /// The room that `fill` took.
    public func makeRoom() throws {
        try FileManager.default.removeItem(atPath: filler)
        try? FileManager.default.removeItem(atPath: filler + ".more")
    }

    private var filler: String { path + "/filler" }

    /// Frozen or not, it goes: a frozen mount would hang whoever writes there next.
    deinit { unmount() }

    /// Before what is below it is removed.
    public func unmount() {
        for program in [["fsfreeze", "--unfreeze", path], ["umount", "--lazy", path]] {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = program
            process.standardError = FileHandle.nullDevice
            guard (try? process.run()) != nil else { continue }
            process.waitForEnd()
        }
    }
}

import Foundation
import Glibc

/// A small tmpfs of the test's own, to be filled. Root mounts it; an ordinary user has it in a user namespace, and reaches it through the
/// process that holds that. Where the kernel allows neither, the test fails.
public enum SmallDiskRig {
    /// Hands `body` the mount point, which is gone afterwards.
    public static func with(megabytes: Int, _ body: (String) async throws -> Void) async throws {
        let folder = try ScratchFolder("room")
        let path = folder.file("mount")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let mount = ["mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "snappy-flow-test", path]
        let outcome: Result<Void, any Error>
        if geteuid() == 0 {
            try await HostProgram.run(mount)
            do { outcome = .success(try await body(path)) } catch { outcome = .failure(error) }
            try await HostProgram.run(["umount", "--lazy", path])
        } else {
            let keeper = try NamespaceKeeper(mount)
            do { outcome = .success(try await body("/proc/\(keeper.process.processIdentifier)/root\(path)")) } catch {
                outcome = .failure(error)
            }
            keeper.end()
        }
        try outcome.get()
        withExtendedLifetime(folder) {}
    }
}

/// A process in a user and mount namespace of its own, in which a command has been run. It ends when its input does: with the test at the
/// latest.
private final class NamespaceKeeper {
    let process = Process()
    private let input = Pipe()

    init(_ command: [String]) throws {
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
        process.arguments = ["--user", "--map-root-user", "--mount", "/bin/sh", "-c", "\"$@\" && echo ready && exec cat", "sh"] + command
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        let said = output.fileHandleForReading.availableData
        guard said == Data("ready\n".utf8) else {
            end()
            throw ResticRig.Failure(
                description:
                    "expected `\(command.joined(separator: " "))` in a user namespace to work: run as root, or allow such namespaces")
        }
    }

    func end() {
        try? input.fileHandleForWriting.close()
        process.waitForEnd()
    }
}

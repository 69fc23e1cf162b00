import Basics
import Foundation
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Steps

/// What is ssh's own, with a private sshd and the machine's ssh.
@Suite struct SFTPStoreTests {
    private func error(
        _ more: [String: JSONValue], _ call: (any ObjectStore) async throws -> Void = { _ = try await $0.stat("config") }
    ) async throws -> StorageError? {
        let bench = try await StoreBench(.sftp)
        _ = try await bench.made()
        return await #expect(throws: StorageError.self) { try await call(try await bench.open(more)) }
    }

    @Test func wrongKeysHostsAndRightsAreToldApart() async throws {
        let rig = try await SSHRig.running()
        let key = try await error(["identityFile": .string(rig.strangersIdentity)])
        #expect(key?.kind == .accessDenied && key?.advice.contains("identityFile") == true, "\(String(describing: key))")
        let other = try await error(["knownHosts": .string(rig.wrongHosts)])
        #expect(other?.kind == .accessDenied && other?.advice.contains("known hosts") == true, "\(String(describing: other))")
        let unknown = try await error(["knownHosts": "/dev/null"])
        #expect(unknown?.kind == .accessDenied && unknown?.retry == .permanent, "\(String(describing: unknown))")
        let down = try await error(["port": 1])
        #expect(down?.kind == .unavailable && down?.retry == .transient, "\(String(describing: down))")
        let nowhere = try await error(["path": "/proc/nowhere"]) { try await $0.create() }
        #expect(nowhere != nil, "\(String(describing: nowhere))")
        let missing = try await error(["path": "/nonexistent/repo"]) { _ = try await $0.get("config") }
        #expect(missing?.kind == .notFound && missing?.retry == .permanent, "\(String(describing: missing))")
    }

    /// The server's disk is full: nothing half is left, and the word is room.
    @Test func aFullDiskIsNoSpace() async throws {
        try await SmallDiskRig.with(megabytes: 20) { disk in
            let bench = try await StoreBench(.sftp)
            let store = try await bench.made(["path": .string(disk + "/repo")])
            let error = await #expect(throws: StorageError.self) {
                try await store.put("data/00/large", [UInt8](repeating: 1, count: 40 << 20))
            }
            #expect(error?.kind == .noSpace && error?.retry == .transient, "\(String(describing: error))")
            #expect(try FileManager.default.subpathsOfDirectory(atPath: disk + "/repo").filter { $0.contains("large") } == [])
            try await store.put("data/00/small", [1])
            #expect(try await store.get("data/00/small") == [1])
        }
    }

    @Test func whatGreetsInsteadIsSaid() async throws {
        let folder = try ScratchFolder("sftp")
        let program = folder.file("ssh")
        try "#!/bin/sh\necho Welcome to this machine; sleep 3\n".write(toFile: program, atomically: true, encoding: .utf8)
        chmod(program, 0o755)
        let error = #expect(throws: StorageError.self) {
            _ = try SFTPSession(["/bin/sh", program], environment: ["PATH": "/bin:/usr/bin"], timeout: .seconds(5), location: "here")
        }
        #expect(error?.kind == .invalid && error?.advice.contains("shell") == true, "\(String(describing: error))")
        let silent = #expect(throws: StorageError.self) {
            _ = try SFTPSession(["/bin/sleep", "100"], environment: [:], timeout: .seconds(1), location: "here")
        }
        #expect(silent?.kind == .unavailable && silent?.retry == .transient, "\(String(describing: silent))")
    }

    @Test func anAddressThatIsAnOptionIsRefused() throws {
        for host in ["-oProxyCommand=id", "user@host", "a b", ""] {
            #expect(throws: StepError.self, "\(host)") {
                try SFTPRepositoryType().identity(Settings(["host": .string(host), "path": "/x"], origin: "r"))
            }
        }
        #expect(
            try SFTPRepositoryType().identity(Settings(["host": "h", "user": "u", "port": 22, "path": "/a//b/"], origin: "r"))
                == "sftp:u@h:22:/a/b")
    }
}

import FlowModel
import Basics
import Foundation
import Glibc
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Steps

@Suite struct DirectorySystemTests {
    /// Runs a shell script in a folder; returns what it printed.
    private func shell(_ script: String, in folder: String) async throws -> String {
        try await HostProgram.run(["bash", "-euc", script], in: folder)
    }

    /// Everything that a restore must bring back, as text to compare.
    private func portrait(_ folder: String) async throws -> String {
        try await shell(
            """
            find . -type d -printf '%p %y %m %U:%G %T@\\n' -o -printf '%p %y %m %U:%G %n %s %T@ %l\\n' | sort
            find . -type f -print0 | sort -z | xargs -0 sha256sum
            """, in: folder)
    }

    private func makeRichTree(_ path: String) async throws {
        _ = try await shell(
            """
            mkdir -p deep/er sticky; echo one > one; ln one deep/also-one; ln -s ../one deep/link; ln -s /nowhere dangling; mkfifo pipe; chmod 700 .
            truncate -s 4M sparse; echo tail >> sparse; head -c 700000 /dev/urandom > deep/er/random; chmod 4751 one; chmod 1777 sticky
            : > empty; echo odd > $'odd\\xff\\nname'; touch -d '1969-07-20 20:17:40.123456789 UTC' deep/er/random; touch -d '2001-02-03 04:05:06' deep
            """, in: path)
    }

    private func stage(_ settings: [String: JSONValue] = [:]) throws -> StepStage {
        let stage = try StepStage()
        try FileManager.default.createDirectory(atPath: stage.folder.file("home"), withIntermediateDirectories: true)
        stage.declare(repository: "vault")
        try stage.declare(system: "home", "directory", settings.merging(["path": .string(stage.folder.file("home"))]) { own, _ in own })
        return stage
    }

    @Test(arguments: [false, true]) func allThatATreeIsMadeOfComesBack(fromSnapshot: Bool) async throws {
        let stage = try stage(["staging": "64MiB"])
        let home = stage.folder.file("home")
        try await makeRichTree(home)
        let original = try await portrait(home)
        if fromSnapshot { try await stage.run("snapshot", id: "snapshot-home", .systems(["home"])) }
        let copy = try await stage.run(
            "copy", id: "copy-home", .systems(["home"]), ["to": "vault"], snapshots: fromSnapshot ? ["home": "snapshot-home"] : [:])
        #expect(copy.missed == [])

        let restic = try stage.restic("vault")
        try await restic.succeed("check", "--read-data")
        try await restic.succeed("restore", "latest", "--target", stage.folder.file("by-restic"))
        #expect(try await portrait(stage.folder.file("by-restic") + home) == original)

        try stage.declare(system: "target", "directory", ["path": .string(stage.folder.file("by-us"))])
        try await stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "target"])
        let restored = try await portrait(stage.folder.file("by-us"))
        #expect(Set(restored.split(separator: "\n")).symmetricDifference(original.split(separator: "\n")) == [])
        // The holes are holes again: 4 MiB of zeros take a few blocks.
        let blocks = Int(try await shell("stat -c %b sparse", in: stage.folder.file("by-us")).filter(\.isNumber))
        #expect(try #require(blocks) < 512)
    }

    @Test func copiesOfStagedSnapshotsKnowWhatIsUnchanged() async throws {
        let stage = try stage(["staging": "64MiB", "method": "copy"])
        for number in 0..<20 { try stage.write("home/\(number)", "file \(number)") }
        for round in ["1", "2", "3"] {
            if round == "3" { try stage.write("home/7", "changed") }
            try await stage.run("snapshot", id: StepID("snapshot-\(round)"), .systems(["home"]))
            let copy = try await stage.run(
                "copy", id: StepID("copy-\(round)"), .systems(["home"]), ["to": "vault"], snapshots: ["home": StepID("snapshot-\(round)")])
            #expect(copy.outputs["filesUnmodified"] == (round == "1" ? 0 : round == "2" ? 20 : 19))
            try await stage.undo("snapshot", id: StepID("snapshot-\(round)"), .systems(["home"]))
        }
        // The same file read live is unchanged too: the snapshot recorded the original's inode and times.
        #expect(try await stage.run("copy", id: "live", .systems(["home"]), ["to": "vault"]).outputs["filesUnmodified"] == 20)
    }

    @Test func aStagingCopyEndsAtItsBound() async throws {
        let stage = try stage(["staging": "1MiB", "method": "copy"])
        try stage.write("home/a", String(repeating: "x", count: 900_000))
        try stage.write("home/b", String(repeating: "y", count: 900_000))
        let error = await #expect(throws: StorageError.self) { try await stage.run("snapshot", id: "snapshot-home", .systems(["home"])) }
        #expect(error?.kind == .noSpace)
        #expect(error?.expected.contains("1MiB") == true)
        #expect(error?.advice.contains("staging") == true)
        try await stage.undo("snapshot", id: "snapshot-home", .systems(["home"]))
        #expect(!stage.exists(".home.snappy-flow-snapshots"), "nothing of the half-made snapshot stays")
    }

    /// tmpfs clones no files, for nobody.
    @Test func cloningIsRefusedWhereTheFileSystemCannot() async throws {
        let folder = "/dev/shm/snappy-flow-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder + "/data", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data("x".utf8).write(to: URL(fileURLWithPath: folder + "/data/file"))
        let stage = try StepStage()
        try stage.declare(system: "home", "directory", ["path": .string(folder + "/data"), "method": "reflink", "staging": "64MiB"])
        let error = await #expect(throws: StorageError.self) { try await stage.run("snapshot", id: "snapshot-home", .systems(["home"])) }
        #expect(error?.kind == .unsupported)
    }

    /// As root (CI is) on an xfs of its own; an ordinary user, who may not mount, runs the same through the bounded copy.
    @Test func aSnapshotOnXFSClonesEveryByte() async throws {
        try await LoopMountRig.withXFS { mount in try await clone(below: mount) }
    }

    private func clone(below mount: String?) async throws {
        let stage = try StepStage()
        let data = (mount ?? stage.folder.path) + "/data"
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        _ = try await shell("for i in 1 2 3; do head -c 20000000 /dev/urandom > $i; done; sync .", in: data)
        let before = try await portrait(data)
        stage.declare(repository: "vault")
        try stage.declare(
            system: "data", "directory", ["path": .string(data), "method": mount == nil ? "copy" : "reflink", "staging": "64MiB"])
        let free = try mount.map(freeBytes)
        try await stage.run("snapshot", id: "snapshot-data", .systems(["data"]))
        if let mount, let free {
            #expect(stage.recorder.lines.contains { $0.contains("3 files, 0 B copied") })
            #expect(free - (try freeBytes(mount)) < 2_000_000, "60 MB of clones share their blocks")
        }
        _ = try await shell("echo overwritten > 1; rm 2", in: data)
        try await stage.run("copy", id: "copy-data", .systems(["data"]), ["to": "vault"], snapshots: ["data": "snapshot-data"])
        try await stage.restic("vault").succeed("restore", "latest", "--target", stage.folder.file("restored"))
        #expect(try await portrait(stage.folder.file("restored") + data) == before)
        try await stage.undo("snapshot", id: "snapshot-data", .systems(["data"]))
        #expect(!FileManager.default.fileExists(atPath: (mount ?? stage.folder.path) + "/.data.snappy-flow-snapshots"))
    }

    private func freeBytes(_ path: String) throws -> Int64 {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { throw StageError(text: "statvfs \(path)") }
        return Int64(status.f_bfree) * Int64(status.f_frsize)
    }

    /// Deeper than a path may be long (PATH_MAX): not to be read by anybody, root or not.
    @Test func whatCannotBeReadIsMissedAndTheRestIsCopied() async throws {
        let stage = try stage()
        try stage.write("home/readable", "here")
        _ = try await shell(
            "n=$(printf 'x%.0s' {1..200}); for i in {1..24}; do mkdir $n; cd $n; done; echo hidden > file", in: stage.folder.file("home"))
        let copy = try await stage.run("copy", id: "copy-home", .systems(["home"]), ["to": "vault"])
        #expect(copy.missed.count == 1)
        #expect(try await stage.restic("vault").succeed("dump", "latest", stage.folder.file("home/readable")) == "here")
        _ = try await shell("rm -rf home", in: stage.folder.path)
    }

    @Test func oneFileSystemKeepsTheMountPointAndLeavesOutWhatIsMounted() throws {
        // /dev/shm is a file system of its own on every Linux.
        let folder = "/dev/shm/snappy-flow-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (oneFileSystem, isThere) in [(true, false), (false, true)] {
            let reader = try FolderReader(path: "/dev", oneFileSystem: oneFileSystem)
            #expect(try reader.list(TreePath()).entries.contains { $0.name == "shm" })
            let name = FileName(String(folder.dropFirst("/dev/shm/".count)))
            #expect(try reader.list(TreePath("shm")).entries.contains { $0.name == name } == isThere)
        }
    }
}

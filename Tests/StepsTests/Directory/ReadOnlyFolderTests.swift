import Basics
import Foundation
import Glibc
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Repository
@testable import Steps

/// Folders that their owner may not write to are no obstacle to him who restores into them, and are as they were afterwards.
@Suite struct ReadOnlyFolderTests {
    private func modes(_ folder: String) async throws -> String {
        try await HostProgram.run(["bash", "-euc", "find . -type d -printf '%p %m\\n' | sort"], in: folder)
    }

    /// `back` with folders of such modes, that all of them be gone into before the upper ones are closed.
    private func closed(_ folder: ScratchFolder) async throws -> String {
        let back = folder.file("back")
        _ = try await HostProgram.run(
            [
                "bash", "-euc",
                "mkdir -p back/a/b/c back/d; chmod 0 back/a/b/c; chmod 0111 back/a/b; chmod 0555 back/a back; chmod 2511 back/d",
            ],
            in: folder.path)
        return back
    }

    private static let closedModes = ". 555\n./a 555\n./a/b 111\n./a/b/c 0\n./d 2511\n"

    private func folderOf(_ mode: UInt16) -> FileMetadata {
        FileMetadata(kind: .directory, permissions: mode, userID: geteuid(), groupID: getegid(), modified: FileTime(seconds: 1))
    }

    @Test func aFolderIsOpenedUpAndGetsItsOwnModeAgain() async throws {
        let folder = try ScratchFolder()
        let back = try await closed(folder)
        let folderOf = folderOf
        try await Unprivileged.run {
            let writer = try FolderWriter(path: back, overwrite: false)
            defer { writer.end() }
            for path in ["a", "a/b", "a/b/c", "d", "a/b/c/new"] { try writer.makeDirectory(TreePath(path)) }
            for path in ["top", "a/file", "a/b/file", "a/b/c/file", "d/file", "a/b/c/new/file"] {
                let file = try writer.createFile(TreePath(path), size: 1)
                try file.finish()
            }
            #expect(try writer.setMetadata(TreePath("a/b/c/new"), folderOf(0o555)) == [])
            // The snapshot's own mode may be just what it was widened to.
            #expect(try writer.setMetadata(TreePath("a/b/c"), folderOf(0o700)) == [])
            #expect(try writer.setMetadata(TreePath("a/b"), folderOf(0o500)) == [])
        }
        #expect(try await modes(back) == ". 555\n./a 555\n./a/b 500\n./a/b/c 700\n./a/b/c/new 555\n./d 2511\n")
        #expect(try await HostProgram.run(["bash", "-c", "find . -type f | wc -l"], in: back) == "6\n")
    }

    @Test func whatFailsPutsThemBack() async throws {
        let folder = try ScratchFolder()
        let back = try await closed(folder)
        await #expect(throws: CancellationError.self) {
            try await Unprivileged.run {
                let writer = try FolderWriter(path: back, overwrite: false)
                defer { writer.end() }
                for path in ["a", "a/b", "a/b/c", "d"] { try writer.makeDirectory(TreePath(path)) }
                throw CancellationError()
            }
        }
        #expect(try await modes(back) == Self.closedModes)
        // What somebody else changed meanwhile is his, and so is what he put in the place.
        try await Unprivileged.run {
            let writer = try FolderWriter(path: back, overwrite: false)
            for path in ["a", "a/b", "a/b/c", "d"] { try writer.makeDirectory(TreePath(path)) }
            chmod(back + "/a/b", 0o710)
            rename(back + "/d", back + "/gone")
            mkdir(back + "/d", 0o755)
            chmod(back + "/d", 0o2711)
            writer.end()
        }
        #expect(try await modes(back) == ". 555\n./a 555\n./a/b 710\n./a/b/c 0\n./d 2711\n./gone 2711\n")
    }

    /// Files of one's own that one may not read oneself are compared all the same.
    @Test func anUnreadableFileIsKnown() async throws {
        let folder = try ScratchFolder()
        let path = folder.file("file")
        try Data("content".utf8).write(to: URL(fileURLWithPath: path))
        chmod(path, 0o200)
        let found = try await Unprivileged.run {
            let writer = try FolderWriter(path: folder.path, overwrite: false)
            guard let file = try writer.existing(TreePath("file")) else { return "" }
            defer { file.close() }
            return try withUnsafeTemporaryAllocation(byteCount: 100, alignment: 1) { buffer in
                String(decoding: buffer[..<(try file.read(into: buffer))], as: UTF8.self)
            }
        }
        #expect(found == "content")
        #expect(try await HostProgram.run(["stat", "-c", "%a", path]) == "200\n")
    }

    /// The whole program, as a user of the machine: restored, repeated, and after a kill, which leaves a folder open to its owner.
    @Test func anOrdinaryUserRestoresAgain() async throws {
        let rig = try FlowRig("readonly")
        defer { try? FileManager.default.removeItem(atPath: rig.folder) }
        let nobody = geteuid() == 0 ? try #require(getpwnam("nobody")?.pointee.pw_uid) : geteuid()
        try rig.write("password", StepStage.password)
        let document = try rig.write(
            "document.yaml",
            """
            name: home
            systems: {home: {type: directory, path: \(rig.path("home"))}}
            repositories: {vault: {type: local, path: \(rig.path("vault")), password: {fromFile: \(rig.path("password"))}}}
            steps: [{copy: home, to: vault}]
            """)
        let repository = try await Repository.create(on: LocalStore(path: rig.path("vault")), password: Array(StepStage.password.utf8))
        for name in ["one", "sealed/two", "sealed/deep/three"] { try rig.write("home/\(name)", name) }
        let own = "chown -R \(nobody) . && chmod 0555 home/sealed/deep home/sealed home && chmod 0444 home/one"
        try await HostProgram.run(["bash", "-euc", own], in: rig.folder)
        let report = try await repository.archive(FolderReader(path: rig.path("home")), ArchiveOptions(host: "h"))
        #expect(report.failures.isEmpty)
        try await HostProgram.run(["chown", "-R", "\(nobody)", rig.path("vault")])

        let through = geteuid() == 0 ? ["/usr/bin/setpriv", "--reuid", "\(nobody)", "--clear-groups", "--"] : []
        func restore() throws -> FlowOutcome {
            try rig.start(
                ["restore", "--file", document, "--repository", "vault", "--target", rig.path("back"), "--path", rig.path("home")],
                environment: ["HOME": rig.folder], through: through
            ).wait()
        }
        func check(_ round: String) async throws {
            let outcome = try restore()
            #expect(outcome.status == 0, "\(round): \(outcome.output) \(outcome.errors)")
            let back = rig.path("back") + rig.path("home")
            #expect(try await modes(back) == ". 555\n./sealed 555\n./sealed/deep 555\n", "\(round)")
            try await HostProgram.run(["diff", "-r", rig.path("home"), back])
        }
        try await check("first")
        let back = rig.path("back") + rig.path("home")
        try await HostProgram.run(["bash", "-euc", "rm -f one sealed/two sealed/deep/three"], in: back)
        try await check("again")
        // What a kill leaves.
        try await HostProgram.run(["bash", "-euc", "chmod 755 sealed sealed/deep; rm -f sealed/two"], in: back)
        try await check("after a kill")
    }
}

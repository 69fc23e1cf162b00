import FlowModel
import Basics
import Foundation
import Glibc
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Repository
@testable import Steps

/// What is restored is what was stored: not that and what the folder above gave it, or what was there before.
@Suite struct RestoredMetadataTests {
    private func shell(_ script: String, in folder: String) async throws -> String {
        try await HostProgram.run(["bash", "-euc", script], in: folder)
    }

    /// Modes, owners, and every attribute that the kernel tells, lists among them.
    private func portrait(_ folder: String) async throws -> Set<String> {
        let text = try await shell(
            "find . -printf '%p %y %m %U:%G '  -exec sh -c 'getfattr -h --absolute-names -d -m - -e hex \"$1\" | grep = | sort | tr \"\\n\" \" \"; echo' sh {} ';'",
            in: folder)
        return Set(text.split(separator: "\n").map(String.init))
    }

    private struct Setting {
        let stage: StepStage
        let repository: Repository
        let snapshot: Snapshot
        var home: String { stage.folder.file("home") }

        /// Into a folder of the stage's, or elsewhere.
        func restore(into target: String, overwrite: Bool = false) async throws -> RestoreReport {
            try await FolderTarget.withWriter(path: target, overwrite: overwrite) {
                try await repository.restore(snapshot, to: $0, RestoreOptions(root: snapshot.restoreRoot))
            }
        }
    }

    private func setting(_ script: String) async throws -> Setting {
        let stage = try StepStage()
        stage.declare(repository: "vault")
        try stage.declare(system: "home", "directory", ["path": .string(stage.folder.file("home"))])
        try FileManager.default.createDirectory(atPath: stage.folder.file("home"), withIntermediateDirectories: true)
        _ = try await shell(script, in: stage.folder.file("home"))
        try await stage.run("copy", id: "copy", .systems(["home"]), ["to": "vault"])
        let repository = try await stage.store("vault")
        return Setting(stage: stage, repository: repository, snapshot: try #require(try await repository.snapshots().last))
    }

    private static let tree = """
        mkdir -p plain/inner listed; echo secret > private; chmod 600 private; echo two > plain/inner/two; ln -s two plain/link; mkfifo -m 600 pipe
        echo 'for all' > open; chmod 664 open; echo mine > listed/file; setfacl -m u:12345:r listed/file; setfacl -d -m u:54321:rx listed
        setfattr -n user.kept -v yes open; echo run > program; chmod 4755 program
        """

    @Test func whatTheFolderAboveGivesIsTakenAway() async throws {
        let setting = try await setting(Self.tree)
        let original = try await portrait(setting.home)
        let back = setting.stage.folder.file("back")
        try FileManager.default.createDirectory(atPath: back, withIntermediateDirectories: true)
        _ = try await shell(
            "setfacl -m u:12345:rwx . ; setfacl -d -m u:12345:rwx -m g:12345:rwx . ; setfattr -n user.above -v x .", in: back)
        let report = try await setting.restore(into: back)
        #expect(report.failures.isEmpty && report.warnings.isEmpty, "\(report)")
        #expect(try await portrait(back).symmetricDifference(original) == [])
    }

    @Test(arguments: [false, true]) func whatWasThereAndWasNotStoredGoes(overwrite: Bool) async throws {
        let setting = try await setting(Self.tree)
        let original = try await portrait(setting.home)
        let back = setting.stage.folder.file("back")
        _ = try await setting.restore(into: back)
        _ = try await shell(
            """
            for name in . private plain plain/inner open listed/file program; do setfattr -n user.left -v x $name; setfacl -m u:54321:rwx $name; done
            for name in . plain listed; do setfacl -d -m g:54321:rwx $name; done; setfacl -m u:54321:rw pipe; setfattr -n user.kept -v no open
            python3 -c 'import os; os.setxattr("private", b"user.\\xff", b"1")'; chmod 777 plain pipe; chmod 600 program
            if [ $(id -u) = 0 ]; then
                for name in private plain plain/link pipe; do setfattr -h -n trusted.left -v x $name; done
                setfattr -n security.left -v x open; chown -h 1:1 plain/link plain open; setcap cap_net_raw=ep private
            fi
            """, in: back)
        if overwrite { _ = try await shell("echo other > private; echo other > open", in: back) }
        let report = try await setting.restore(into: back, overwrite: overwrite)
        #expect(report.failures.isEmpty && report.warnings.isEmpty, "\(report)")
        #expect(try await portrait(back).symmetricDifference(original) == [])
    }

    /// A folder can't be made where a file is; nor is the file then given the folder's mode.
    @Test func whatIsRefusedKeepsItsMetadata() async throws {
        let setting = try await setting("mkdir -p folder; chmod 777 folder; echo x > folder/x")
        let back = setting.stage.folder.file("back")
        try FileManager.default.createDirectory(atPath: back, withIntermediateDirectories: true)
        _ = try await shell("echo private > folder; chmod 600 folder", in: back)
        let report = try await setting.restore(into: back)
        #expect(Set(report.failures.map { $0.path.description }) == ["folder", "folder/x"] && report.files == 0, "\(report)")
        #expect(try await shell("stat -c %a folder; cat folder", in: back) == "600\nprivate\n")
        #expect(try await setting.restore(into: back, overwrite: true).failures.isEmpty)
        #expect(try await shell("stat -c %a folder; cat folder/x; ls -A | wc -l", in: back) == "777\nx\n1\n")
    }

    /// What a mode's group bits mean without its list is more than the list gave: ramfs has no lists.
    @Test func whereListsCanNotBeKeptNobodyGetsMoreAndItIsSaidOnce() async throws {
        try #require(geteuid() == 0, "mounts a ramfs")
        let setting = try await setting("for i in 1 2 3; do echo $i > $i; chmod 640 $i; setfacl -m g::---,u:12345:rw $i; done; chmod 700 .")
        let back = setting.stage.folder.file("back")
        try FileManager.default.createDirectory(atPath: back, withIntermediateDirectories: true)
        try await HostProgram.run(["mount", "-t", "ramfs", "none", back])
        let outcome: Result<(RestoreReport, String), any Error>
        do {
            outcome = .success((try await setting.restore(into: back), try await shell("stat -c %a 1 2 3", in: back)))
        } catch { outcome = .failure(error) }
        try await HostProgram.run(["umount", "--lazy", back])
        let (report, modes) = try outcome.get()
        #expect(modes == "600\n600\n600\n")
        #expect(report.failures.isEmpty && report.files == 3)
        #expect(Set(report.warnings.map(\.expected)) == ["to set the extended attribute system.posix_acl_access", "to set the mode"])
        #expect(report.warningCount == 6 && report.warnings.allSatisfy { $0.found.contains("2 other places") }, "\(report.warnings)")
    }

    /// `chattr +i` stands in root's way too, who is told no more than EPERM.
    @Test func whatIsProtectedIsNamed() async throws {
        try #require(geteuid() == 0, "sets inode flags")
        let setting = try await setting("mkdir -p folder sealed; echo one > folder/one; echo two > folder/two; echo three > sealed/three")
        let back = setting.stage.folder.file("back")
        _ = try await setting.restore(into: back)
        let mount = try await LoopMount("ext4")
        _ = try await shell("cp -a \(back)/. .; echo other > folder/one; touch folder/two; rm sealed/three", in: mount.path)
        _ = try await shell("chattr +i folder/one folder/two sealed", in: mount.path)
        let report = try await setting.restore(into: mount.path, overwrite: true)
        _ = try await shell("chattr -i folder/one folder/two sealed", in: mount.path)
        #expect(Set(report.failures.map { $0.path.description }) == ["folder/one", "sealed/three"], "\(report)")
        #expect(report.failures.allSatisfy { "\($0.error)".contains("chattr +i") && "\($0.error)".contains("chattr -i") }, "\(report)")
        // The content is whole; what it is to have besides can't be set.
        #expect(report.warnings.contains { $0.location.hasSuffix("folder/two") && $0.found.contains("chattr +i") }, "\(report.warnings)")
        #expect(try await shell("cat folder/one folder/two; ls -A folder sealed | wc -l", in: mount.path) == "other\ntwo\n5\n")
        #expect(try await setting.restore(into: mount.path, overwrite: true).failures.isEmpty)
    }

    /// Somebody else's program that runs as its owner would run as whoever restores it.
    @Test func whoMayNotGiveAFileAwayMakesNoProgramOfHisOwnOfIt() async throws {
        let folder = try ScratchFolder()
        let failures = try await Unprivileged.run {
            let writer = try FolderWriter(path: folder.path, overwrite: false)
            try writer.createFile(TreePath("program"), size: 0).finish()
            let stored = FileMetadata(
                kind: .file, permissions: 0o6755, userID: 12345, groupID: 54321, modified: FileTime(seconds: 1_000_000_000))
            return try writer.setMetadata(TreePath("program"), stored)
        }
        #expect(failures.map(\.expected) == ["to set the owner", "to set the mode"])
        #expect(try await shell("stat -c '%a %Y' program", in: folder.path) == "755 1000000000\n")
    }

    /// Of what has no content too.
    @Test func whatCanNotBeSetOnALinkOrFifoIsSaid() async throws {
        let folder = try ScratchFolder()
        let failures = try await Unprivileged.run {
            let writer = try FolderWriter(path: folder.path, overwrite: false)
            return try [FileKind.fifo, .symbolicLink].map { kind in
                let stored = FileMetadata(
                    kind: kind, permissions: 0o600, userID: 12345, groupID: 54321, modified: FileTime(seconds: 5),
                    linkTarget: Array("x".utf8),
                    extendedAttributes: [ExtendedAttribute(name: "trusted.mine", value: [1])])
                return try writer.createSpecial(TreePath(kind.rawValue), stored).map(\.expected)
            }
        }
        #expect(failures == Array(repeating: ["to set the owner", "to set the extended attribute trusted.mine"], count: 2))
        #expect(try await shell("stat -c %Y fifo symbolicLink", in: folder.path) == "5\n5\n")
    }

    /// One's own file without the right to write to it: `user.` attributes need that.
    @Test func attributesOfWhatItsOwnerMayNotWrite() async throws {
        let folder = try ScratchFolder()
        let attributes = [
            ExtendedAttribute(name: "user.new", value: [1, 0]),
            ExtendedAttribute(
                name: AccessList.access,
                value: [2, 0, 0, 0] + [1, 0, 4, 0, 255, 255, 255, 255, 2, 0, 4, 0, 7, 0, 0, 0]
                    + [4, 0, 0, 0, 255, 255, 255, 255, 16, 0, 4, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255, 255]),
        ]
        let mine = (geteuid(), getegid())
        let failures = try await Unprivileged.run {
            let writer = try FolderWriter(path: folder.path, overwrite: false)
            try writer.createFile(TreePath("file"), size: 0).finish()
            var stored = FileMetadata(
                kind: .file, permissions: 0o440, userID: mine.0, groupID: mine.1, modified: FileTime(seconds: 5),
                extendedAttributes: attributes)
            var failures = try writer.setMetadata(TreePath("file"), stored)
            stored.extendedAttributes.removeAll()
            failures += try writer.setMetadata(TreePath("file"), stored)
            stored.extendedAttributes = attributes
            return try failures + writer.setMetadata(TreePath("file"), stored)
        }
        #expect(failures == [])
        let found = try ExtendedAttributes.read("file", in: FolderHandle(opening: folder.path)).filter { $0.name != "security.selinux" }
        #expect(Set(found) == Set(attributes))
        #expect(try await shell("stat -c %a file", in: folder.path) == "440\n")
    }

    /// Between its name and its owner, somebody who may write to the folder puts another file in its place; a new one may even get its number.
    @Test(arguments: ["echo precious > other; chmod 600 other; mv other file", "rm file; echo precious > file; chmod 600 file"])
    func whatTakesAFilesNameIsNotGivenItsOwner(_ swap: String) async throws {
        let folder = try ScratchFolder()
        let writer = try FolderWriter(path: folder.path, overwrite: true)
        try writer.createFile(TreePath("file"), size: 0).finish()
        _ = try await shell(swap, in: folder.path)
        let stored = FileMetadata(
            kind: .file, permissions: 0o4777, userID: geteuid(), groupID: getegid(), modified: FileTime(seconds: 5))
        let error = #expect(throws: StorageError.self) { try writer.setMetadata(TreePath("file"), stored) }
        #expect(error?.kind == .changed)
        #expect(try await shell("stat -c %a file; cat file", in: folder.path) == "600\nprecious\n")
        // One that was there, and is open to whoever compared it.
        let found = try #require(try writer.existing(TreePath("file")))
        defer { found.close() }
        _ = try await shell(swap, in: folder.path)
        #expect(throws: StorageError.self) { try writer.setMetadata(TreePath("file"), stored) }
        #expect(try await shell("stat -c %a file", in: folder.path) == "600\n")
    }

    @Test func whatAModeMeansWithoutItsList() {
        func list(_ entries: [(UInt8, UInt8)]) -> [UInt8] { [2, 0, 0, 0] + entries.flatMap { [$0.0, 0, $0.1, 0, 255, 255, 255, 255] } }
        #expect(AccessList.owningGroup(list([(1, 6), (2, 7), (4, 4), (16, 6), (32, 0)])) == 4)
        #expect(AccessList.owningGroup(list([(1, 6), (4, 7), (16, 5), (32, 0)])) == 5)
        #expect(AccessList.owningGroup(list([(1, 6), (4, 3), (32, 0)])) == 3)
        for odd in [[], [2, 0, 0], [3, 0, 0, 0], [2, 0, 0, 0, 4], [2, 0, 0, 0]] as [[UInt8]] { #expect(AccessList.owningGroup(odd) == nil) }
    }

    @Test func whatASystemGivesEveryFileStays() {
        for name in ["user.a", "trusted.b", "security.capability", "security.other", AccessList.access, AccessList.inherited] {
            #expect(ExtendedAttributes.isOfTheEntry(Array(name.utf8)), "\(name)")
        }
        for name in ["security.selinux", "security.SMACK64EXEC", "security.ima", "security.evm", "system.nfs4_acl", "btrfs.compression"] {
            #expect(!ExtendedAttributes.isOfTheEntry(Array(name.utf8)), "\(name)")
        }
    }
}

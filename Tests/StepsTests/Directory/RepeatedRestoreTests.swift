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

/// A restore that is repeated, or that meets what it must not replace.
@Suite struct RepeatedRestoreTests {
    private struct Setting {
        let stage: StepStage
        let repository: Repository
        let snapshot: Snapshot
        let target: String

        func restore(overwrite: Bool = false) async throws -> RestoreReport {
            try await FolderTarget.withWriter(path: target, overwrite: overwrite) {
                try await repository.restore(snapshot, to: $0, RestoreOptions(root: snapshot.restoreRoot))
            }
        }

        func shell(_ script: String) async throws -> String { try await HostProgram.run(["bash", "-euc", script], in: target) }
    }

    private func setting() async throws -> Setting {
        let stage = try StepStage()
        stage.declare(repository: "vault")
        let home = stage.folder.file("home")
        try stage.declare(system: "home", "directory", ["path": .string(home)])
        for number in 0..<12 {
            try stage.write("home/folder\(number % 3)/\(number)", String(repeating: "\(number) ", count: number * 4000))
        }
        _ = try await HostProgram.run(
            [
                "bash", "-euc",
                "ln folder0/9 linked; ln -s folder0/9 symbolic; mkfifo pipe; : > empty; truncate -s 3M holes; chmod 640 folder1/1",
            ],
            in: home)
        try await stage.run("copy", id: "copy", .systems(["home"]), ["to": "vault"])
        let repository = try await stage.store("vault")
        let snapshot = try #require(try await repository.snapshots().last)
        return Setting(stage: stage, repository: repository, snapshot: snapshot, target: stage.folder.file("back"))
    }

    @Test func whatIsThereAlreadyStaysAndTheRestFollows() async throws {
        let setting = try await setting()
        #expect(try await setting.restore().failures.isEmpty)
        let listing = "find . -printf '%p %y %m %i %s %T@ %l\\n' | sort"
        let first = try await setting.shell(listing)
        // As if the first had been cut off: some are missing, one has not got its metadata yet.
        _ = try await setting.shell("rm -r folder2 symbolic; chmod 600 folder1/1; touch folder1/1")
        let again = try await setting.restore()
        #expect(again.failures.isEmpty, "\(again.failures)")
        let second = try await setting.shell(listing)
        func without(_ listing: String, inodes: Bool) -> Set<String> {
            Set(
                listing.split(separator: "\n").map { line in
                    let words = line.split(separator: " ", omittingEmptySubsequences: false)
                    let isNew = line.contains("folder2") || line.contains("symbolic")
                    return (words.prefix(3) + (isNew ? [] : [words[3]]) + words.dropFirst(4)).joined(separator: " ")
                })
        }
        #expect(without(first, inodes: true).symmetricDifference(without(second, inodes: true)) == [])
    }

    @Test func whatDiffersIsRefusedAndLeftAlone() async throws {
        let setting = try await setting()
        _ = try await setting.restore()
        // Same size, same time, another content: only reading tells.
        _ = try await setting.shell(
            "time=$(stat -c %y folder1/4); printf X | dd of=folder1/4 bs=1 seek=9 conv=notrunc status=none; touch -d \"$time\" folder1/4; ln -sf elsewhere symbolic"
        )
        let again = try await setting.restore()
        #expect(Set(again.failures.map { $0.path.description }) == ["folder1/4", "symbolic"])
        #expect(again.failures.allSatisfy { $0.error.code == "exists" }, "\(again.failures)")
        #expect(try await setting.shell("head -c 10 folder1/4 | tail -c 1; readlink symbolic") == "Xelsewhere\n")
        #expect(try await setting.restore(overwrite: true).failures.isEmpty)
        #expect(try await setting.shell("head -c 10 folder1/4 | tail -c 1; readlink symbolic") != "Xelsewhere\n")
    }

    @Test func aFolderIsNeverReplaced() async throws {
        let setting = try await setting()
        try FileManager.default.createDirectory(atPath: setting.target, withIntermediateDirectories: true)
        _ = try await setting.shell("mkdir -p folder1/4/mine symbolic/mine linked/mine pipe/mine")
        let report = try await setting.restore(overwrite: true)
        #expect(Set(report.failures.map { $0.path.description }) == ["folder1/4", "symbolic", "linked", "pipe"])
        #expect(report.failures.allSatisfy { "\($0.error)".contains("move the folder away") }, "\(report.failures)")
        #expect(try await setting.shell("ls -d */mine */*/mine | wc -l") == "4\n")
        #expect(try await setting.shell("find . -name '.snappy-flow-*' | wc -l") == "0\n")
    }

    @Test func nothingOfAFileIsSeenBeforeItIsWhole() async throws {
        let folder = try ScratchFolder()
        let writer = try FolderWriter(path: folder.path, overwrite: false)
        let file = try writer.createFile(TreePath("big"), size: 1 << 20)
        try Array("beginning".utf8).withUnsafeBytes { try file.write($0, at: 0) }
        // What a kill -9 at this point would leave.
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
        try file.finish()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["big"])
        let other = try writer.createFile(TreePath("other"), size: 10)
        try Data("came first".utf8).write(to: URL(fileURLWithPath: folder.file("other")))
        #expect(throws: StorageError.self) { try other.finish() }
        #expect(try String(contentsOfFile: folder.file("other"), encoding: .utf8) == "came first")
    }

    /// A hard-linked file whose first name went is made anew; the other name, which holds the same, becomes one of it again. So does a copy.
    @Test(arguments: ["rm folder0/9", "rm linked; cp -p folder0/9 linked", "cp -p linked new; mv new folder0/9"])
    func aLinkWhoseContentIsThereCountsAsRestored(_ script: String) async throws {
        let setting = try await setting()
        _ = try await setting.restore()
        _ = try await setting.shell(script)
        let report = try await setting.restore()
        #expect(report.failures.isEmpty && report.warnings.isEmpty, "\(report)")
        #expect(try await setting.shell("stat -c %h linked folder0/9; stat -c %i linked folder0/9 | uniq | wc -l") == "2\n2\n1\n")
        #expect(try await setting.shell("find . -name '.snappy-flow-*' | wc -l") == "0\n")
    }

    @Test func aLinkThatHoldsSomethingElseIsLeftAlone() async throws {
        let setting = try await setting()
        let whole = try await setting.restore().files
        _ = try await setting.shell("rm folder0/9; size=$(stat -c %s linked); head -c $size /dev/zero > other; mv other linked")
        let report = try await setting.restore()
        #expect(report.failures.map { $0.path.description } == ["linked"] && report.files == whole - 1, "\(report)")
        #expect(report.failures.first?.error.code == "exists")
        #expect(try await setting.shell("tr -d '\\0' < linked | wc -c") == "0\n")
        #expect(try await setting.restore(overwrite: true).failures.isEmpty)
        #expect(try await setting.shell("stat -c %h linked folder0/9") == "2\n2\n")
    }
}

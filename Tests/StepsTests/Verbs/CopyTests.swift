import FlowModel
import Basics
import Foundation
import Repository
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Steps

@Suite struct CopyTests {
    private func stage(_ files: [String: String] = ["home/a.txt": "alpha", "home/deep/b.txt": "beta"]) throws -> StepStage {
        let stage = try StepStage(extra: [DeniedType()])
        stage.declare(repository: "vault")
        for (name, text) in files { try stage.write(name, text) }
        try stage.declare(system: "home", "directory", ["path": .string(stage.folder.file("home"))])
        return stage
    }

    @Test func resticChecksAndRestoresACopy() async throws {
        let stage = try stage()
        let result = try await stage.run("copy", id: "copy-home", .systems(["home"]), ["to": "vault", "tags": ["weekly"]])
        #expect(result.outputs["filesNew"] == 2)
        #expect(result.outputs["bytes"] == 9)
        let restic = try stage.restic("vault")
        try await restic.succeed("check", "--read-data")
        try await restic.succeed("restore", "latest", "--target", stage.folder.file("out"))
        #expect(try stage.read("out" + stage.folder.file("home/deep/b.txt")) == "beta")
        let snapshot = try #require(try await stage.store("vault").snapshots().first)
        #expect(snapshot.hostname == "home")
        #expect(Set(snapshot.tags) == ["pipeline:nightly", "system:home", "job:\(stage.job)", "step:copy-home", "weekly"])
    }

    @Test func secondCopyTakesUnchangedFilesFromItsParent() async throws {
        let stage = try stage()
        try await stage.run("copy", id: "copy-home", .systems(["home"]), ["to": "vault"])
        try stage.write("home/c.txt", "gamma")
        let second = try await stage.run("copy", id: "copy-again", .systems(["home"]), ["to": "vault"])
        #expect(second.outputs["filesUnmodified"] == 2)
        #expect(second.outputs["filesNew"] == 1)
        let full = try await stage.run("copy", id: "copy-full", .systems(["home"]), ["to": "vault", "parent": "none"])
        #expect(full.outputs["filesUnmodified"] == 0 && full.outputs["filesNew"] == 3)
    }

    @Test func copyIntoSeveralRepositoriesNamesEach() async throws {
        let stage = try stage()
        stage.declare(repository: "far")
        let result = try await stage.run("copy", id: "copy-home", .systems(["home"]), ["to": ["vault", "far"]])
        let copies = try CopyRecord.copies(of: "copy-home", in: ["copy-home": result.outputs])
        #expect(copies.map(\.repository) == ["vault", "far"])
        #expect(Set(copies.map(\.repositoryID)).count == 2)
    }

    @Test func aResumedAttemptFindsItsOwnFinishedSnapshot() async throws {
        let stage = try stage()
        let first = try await stage.run("copy", id: "copy-home", .systems(["home"]), ["to": "vault"])
        try stage.write("home/later.txt", "written after the copy")
        let second = try await stage.run(
            "copy", id: "copy-home", .systems(["home"]), ["to": "vault"], attempt: 2, checkpoint: stage.recorder.saved)
        #expect(second.outputs["snapshotID"] == first.outputs["snapshotID"])
        #expect(second.missed == [])
        let blind = try await stage.run("copy", id: "copy-home", .systems(["home"]), ["to": "vault"], attempt: 2)
        #expect(blind.outputs["snapshotID"] == first.outputs["snapshotID"])
        #expect(blind.missed == [], "the snapshot says itself that nothing is missing")
        #expect(try await stage.store("vault").snapshots().count == 1)
    }

    @Test func aSourceThatIsSuddenlyEmptyIsPartialUnlessThatIsAllowed() async throws {
        let stage = try stage()
        try await stage.run("copy", id: "copy-1", .systems(["home"]), ["to": "vault"])
        let home = stage.folder.file("home")
        for name in try FileManager.default.contentsOfDirectory(atPath: home) {
            try FileManager.default.removeItem(atPath: "\(home)/\(name)")
        }
        let allowed = try await stage.run("copy", id: "copy-3", .systems(["home"]), ["to": "vault", "allowEmpty": true, "parent": "none"])
        #expect(allowed.missed == [])
        let first = try #require(try await stage.store("vault").snapshots().first)
        let empty = try await stage.run("copy", id: "copy-2", .systems(["home"]), ["to": "vault", "parent": .string(first.id)])
        #expect(empty.missed.count == 1 && empty.missed.first?.contains("no file at all") == true, "\(empty.missed)")
        #expect(try await stage.store("vault").snapshots().last?.tags.contains("partial") == true)
    }

    /// What missed something is no measure: the second empty copy is no better than the first.
    @Test func aSourceThatStaysEmptyStaysPartial() async throws {
        let stage = try stage()
        try await stage.run("copy", id: "copy-1", .systems(["home"]), ["to": "vault"])
        for name in ["a.txt", "deep"] { try FileManager.default.removeItem(atPath: stage.folder.file("home/\(name)")) }
        for (id, parent) in [("copy-2", "auto"), ("copy-3", "auto"), ("copy-4", "none")] as [(StepID, JSONValue)] {
            let empty = try await stage.run("copy", id: id, .systems(["home"]), ["to": "vault", "parent": parent])
            #expect(empty.missed.count == 1, "\(id): \(empty.missed)")
        }
    }

    /// The newest of the same host and path may be another program's, another pipeline's, or of the future.
    @Test func theParentIsThePipelinesOwn() async throws {
        let stage = try stage()
        let restic = try stage.restic("vault")
        func parent(_ id: StepID) async throws -> String? {
            let result = try await stage.run("copy", id: id, .systems(["home"]), ["to": "vault"])
            let snapshots = try await stage.store("vault").snapshots()
            return try #require(snapshots.first { .string($0.id) == result.outputs["snapshotID"] }).parent
        }
        #expect(try await parent("copy-1") == nil)
        let own = try #require(try await stage.store("vault").snapshots().first)
        for extra in [
            [], ["--tag", "pipeline:other,system:home"], ["--tag", "pipeline:nightly,system:home", "--time", "2037-01-01 00:00:00"],
        ] {
            let result = try await restic.run(["backup", "--host", "home", stage.folder.file("home")] + extra)
            #expect(result.status == 0, "\(result.errors)")
        }
        #expect(try await parent("copy-2") == own.id)
        // A repository that another program made is taken over: but not a pipeline's, and nothing of the future.
        let theirs = try #require(try await stage.store("vault").snapshots().first { $0.tags == [] })
        for snapshot in try await stage.store("vault").snapshots()
        where snapshot.tags.contains("pipeline:nightly") && !snapshot.isOfTheFuture(at: .now) {
            try await stage.store("vault").forget([snapshot.id])
        }
        #expect(try await parent("copy-3") == theirs.id)
    }

    @Test func unreadableFilesMakeACopyPartialOrFailAsDeclared() async throws {
        let stage = try stage()
        try stage.declare(system: "denied", "denied", ["path": .string(stage.folder.file("home"))], identity: "denied:home")
        let partial = try await stage.run("copy", id: "copy-denied", .systems(["denied"]), ["to": "vault"])
        #expect(partial.missed.count == 1)
        #expect(partial.missed.first?.contains("a.txt") == true)
        #expect(partial.failure == nil)
        #expect(try await stage.store("vault").snapshots().last?.tags.contains("partial") == true)
        let blind = try await stage.run("copy", id: "copy-denied", .systems(["denied"]), ["to": "vault"], attempt: 2)
        #expect(blind.missed.count == 1, "also after a worker that did not live to tell")
        let failed = try await stage.run("copy", id: "copy-strict", .systems(["denied"]), ["to": "vault", "onUnreadable": "fail"])
        #expect(failed.failure?.retry == .permanent)
        #expect(failed.failure?.found.contains("a.txt") == true)
    }

    @Test func excludesLeaveOutAndAreRecorded() async throws {
        let stage = try stage(["home/keep.txt": "1", "home/drop.tmp": "2"])
        try await stage.run("copy", id: "copy-home", .systems(["home"]), ["to": "vault", "excludes": ["*.tmp"]])
        let listing = try await stage.restic("vault").succeed("ls", "latest")
        #expect(listing.contains("keep.txt") && !listing.contains("drop.tmp"))
        #expect(try await stage.store("vault").snapshots().first?.excludes == ["*.tmp"])
    }

    @Test func copyReadsTheSystemSnapshotNotWhatIsThereNow() async throws {
        let stage = try stage()
        try stage.declare(system: "home", "directory", ["path": .string(stage.folder.file("home")), "staging": "16MiB"])
        try await stage.run("snapshot", id: "snapshot-home", .systems(["home"]))
        try stage.write("home/a.txt", "changed after the snapshot")
        try await stage.run("copy", id: "copy-home", .systems(["home"]), ["to": "vault"], snapshots: ["home": "snapshot-home"])
        #expect(try await stage.restic("vault").succeed("dump", "latest", stage.folder.file("home/a.txt")) == "alpha")
        try await stage.undo("snapshot", id: "snapshot-home", .systems(["home"]))
        let error = await #expect(throws: (any Error).self) {
            try await stage.run("copy", id: "copy-gone", .systems(["home"]), ["to": "vault"], snapshots: ["home": "snapshot-home"])
        }
        #expect(error != nil)
    }

    @Test func wrongPasswordAndForbiddenCreationSaySo() async throws {
        let stage = try stage()
        stage.declare(repository: "never", create: false)
        let missing = await #expect(throws: StepError.self) {
            try await stage.run("copy", id: "copy-home", .systems(["home"]), ["to": "never"])
        }
        #expect(missing?.code == "not-a-repository")
        #expect(!stage.exists("never"))
        try await stage.run("copy", id: "copy-home", .systems(["home"]), ["to": "vault"])
        try stage.write("password", "another")
        let wrong = await #expect(throws: RepositoryError.self) {
            try await stage.run("copy", id: "copy-other", .systems(["home"]), ["to": "vault"])
        }
        #expect(wrong?.kind == .wrongPassword)
    }
}

/// A folder of which one file, a.txt, may not be read: root reads everything, so permissions alone do not show it.
private struct DeniedType: SystemType {
    let name = "denied"
    let summary = "A folder with a file that may not be read"
    let schema = SettingsSchema([Self.path.field])
    static let path = Setting<String>.required("path", "The folder", type: .path)
    func identity(_ settings: Settings) throws(StepError) -> String { "denied:" + (try settings.value(Self.path)) }
    func open(_ settings: Settings, _ context: SystemContext) async throws -> Denied { Denied(path: try settings.value(Self.path)) }

    struct Denied: TreeSource {
        let path: String
        func withTree<Result: Sendable>(
            of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any TreeReader) async throws -> Result
        ) async throws -> Result {
            try await body(Reader(base: try FolderReader(path: path)))
        }
    }

    private struct Reader: TreeReader {
        let base: FolderReader
        var logicalPath: TreePath { base.logicalPath }
        func metadata(of path: TreePath) throws -> FileMetadata { try base.metadata(of: path) }
        func list(_ directory: TreePath) throws -> TreeListing { try base.list(directory) }
        func open(_ file: TreePath) throws -> any FileReader {
            guard file.parts.last != "a.txt" else {
                throw StorageError(.accessDenied, expected: "a readable file", found: "permission denied", at: "/\(file)")
            }
            return try base.open(file)
        }
    }
}

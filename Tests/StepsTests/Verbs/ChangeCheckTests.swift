import FlowModel
import Basics
import Foundation
import Glibc
import Repository
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Steps

/// What counts as changed, in each mode, beside restic's own count of the same files.
@Suite struct ChangeCheckTests {
    private static let files = ["same", "rewritten", "replaced", "grown", "touched", "chmodded"]

    private struct Counts: Hashable, Codable {
        var files_new: UInt64
        var files_changed: UInt64
        var files_unmodified: UInt64
    }

    /// Sets both times of a file, as `touch -d` does; the ctime follows by itself.
    private func setTime(_ path: String, _ seconds: Int) throws {
        let times = [timespec(tv_sec: seconds, tv_nsec: 5), timespec(tv_sec: seconds, tv_nsec: 5)]
        try #require(utimensat(AT_FDCWD, path, times, 0) == 0)
    }

    private func filled() throws -> StepStage {
        let stage = try StepStage(extra: [FixedType()])
        for name in ["ours", "theirs"] { stage.declare(repository: name) }
        for name in Self.files {
            try stage.write("home/" + name, "before \(name)")
            try setTime(stage.folder.file("home/" + name), 1_700_000_000)
        }
        try stage.declare(system: "home", "directory", ["path": .string(stage.folder.file("home"))])
        return stage
    }

    private func change(_ stage: StepStage) throws {
        func file(_ name: String) -> String { stage.folder.file("home/" + name) }
        let rewritten = try FileHandle(forWritingTo: URL(fileURLWithPath: file("rewritten")))
        try rewritten.write(contentsOf: Data("AFTER".utf8))  // in place, of the same length
        try rewritten.close()
        try stage.write("home/new", "after! replaced")
        try #require(rename(file("new"), file("replaced")) == 0)
        try stage.write("home/grown", "before grown, and more")
        for name in ["rewritten", "replaced", "grown"] { try setTime(file(name), 1_700_000_000) }
        try setTime(file("touched"), 1_700_000_001)
        try #require(chmod(file("chmodded"), 0o600) == 0)
    }

    @Test(
        arguments: [
            (ChangeCheck.metadata, [], ["rewritten", "replaced", "grown", "touched", "chmodded"]),
            (.ignoreCtime, ["--ignore-ctime"], ["replaced", "grown", "touched"]), (.ignoreInode, ["--ignore-inode"], ["grown", "touched"]),
            (.content, nil, ["rewritten", "replaced", "grown", "touched", "chmodded"]),
        ] as [(ChangeCheck, [String]?, [String])])
    func changedIsWhatResticCallsChanged(_ check: ChangeCheck, _ flags: [String]?, _ changed: [String]) async throws {
        let stage = try filled()
        let restic = try stage.restic("theirs")
        try await restic.succeed("init")
        let home = stage.folder.file("home")
        for round in 0..<2 {
            if round == 1 { try change(stage) }
            let result = try await stage.run(
                "copy", id: StepID("copy-\(round)"), .systems(["home"]), ["to": "ours", "changeCheck": .string(check.rawValue)])
            let ours = Counts(
                files_new: UInt64(result.outputs["filesNew"]?.intValue ?? -1),
                files_changed: UInt64(result.outputs["filesChanged"]?.intValue ?? -1),
                files_unmodified: UInt64(result.outputs["filesUnmodified"]?.intValue ?? -1))
            let count = UInt64(Self.files.count)
            #expect(
                ours
                    == (round == 0
                        ? Counts(files_new: count, files_changed: 0, files_unmodified: 0)
                        : Counts(files_new: 0, files_changed: UInt64(changed.count), files_unmodified: count - UInt64(changed.count))))
            guard let flags else { continue }
            let output = try await restic.run(["backup", "--json", home] + flags).output
            let summary = try #require(output.split(separator: "\n").last)
            #expect(try JSONDecoder().decode(Counts.self, from: Data(summary.utf8)) == ours)
        }
        // What was seen as changed is in the copy as it is; what was not is as it was.
        let ours = try stage.restic("ours")
        for name in ["rewritten", "replaced"] {
            let copied = try await ours.succeed("dump", "latest", stage.folder.file("home/" + name))
            #expect(copied == (changed.contains(name) ? try stage.read("home/" + name) : "before \(name)"))
        }
        try await ours.succeed("check", "--read-data")
    }

    @Test(arguments: ChangeCheck.allCases) func whatHasNotChangedMakesTheSameTree(_ check: ChangeCheck) async throws {
        let stage = try filled()
        for round in 0..<2 {
            try await stage.run(
                "copy", id: StepID("copy-\(round)"), .systems(["home"]), ["to": "ours", "changeCheck": .string(check.rawValue)])
        }
        let snapshots = try await stage.store("ours").snapshots()
        #expect(snapshots.count == 2 && snapshots[0].tree == snapshots[1].tree)
        #expect(snapshots[1].parent == snapshots[0].id)
        #expect(snapshots[1].summary?.filesUnmodified == UInt64(Self.files.count) && snapshots[1].summary?.dataAdded == 0)
    }

    /// Written again within the tick of the clock in which it was read: no time tells, so what changed since the last reading began is read
    /// anew.
    @Test(arguments: [ChangeCheck.metadata, .ignoreCtime, .ignoreInode])
    func whatChangedWhileTheParentWasReadIsReadAnew(_ check: ChangeCheck) async throws {
        let stage = try filled()
        let soon = Int64(Date.now.timeIntervalSince1970) + 3600
        try stage.declare(system: "fixed", "fixed", ["path": .string(stage.folder.file("home")), "time": .int(soon)])
        func copy(_ id: StepID) async throws -> StepResult {
            try await stage.run("copy", id: id, .systems(["fixed"]), ["to": "ours", "changeCheck": .string(check.rawValue)])
        }
        _ = try await copy("copy-1")
        try change(stage)
        try stage.write("home/grown", "before grown")
        let second = try await copy("copy-2")
        #expect(second.outputs["filesChanged"] == 2 && second.outputs["filesUnmodified"] == 4)
        #expect(try await stage.restic("ours").succeed("dump", "latest", stage.folder.file("home/rewritten")) == "AFTERe rewritten")
    }

    /// A source whose metadata never changes, as of a device or a broken network file system: only reading tells.
    @Test func metadataThatLiesIsSeenThroughByContentAlone() async throws {
        let stage = try filled()
        try stage.declare(system: "fixed", "fixed", ["path": .string(stage.folder.file("home"))])
        func copy(_ id: StepID, _ check: ChangeCheck) async throws -> StepResult {
            try await stage.run("copy", id: id, .systems(["fixed"]), ["to": "ours", "changeCheck": .string(check.rawValue)])
        }
        _ = try await copy("copy-1", .metadata)
        try change(stage)
        try stage.write("home/grown", "before grown")
        #expect(try await copy("copy-2", .metadata).outputs["filesChanged"] == 0)
        #expect(try await stage.restic("ours").succeed("dump", "latest", stage.folder.file("home/rewritten")) == "before rewritten")
        let read = try await copy("copy-3", .content)
        #expect(read.outputs["filesChanged"] == 2 && read.outputs["filesUnmodified"] == 4)
        #expect(try await stage.restic("ours").succeed("dump", "latest", stage.folder.file("home/rewritten")) == "AFTERe rewritten")
    }
}

/// A folder whose files all have one time and one inode, whatever happens to them.
private struct FixedType: SystemType {
    let name = "fixed"
    let summary = "A folder whose metadata stands still"
    let schema = SettingsSchema([Self.path.field, Self.time.field])
    static let path = Setting<String>.required("path", "The folder", type: .path)
    static let time = Setting<Int>("time", "The files' time, in seconds", default: 1)
    func identity(_ settings: Settings) throws(StepError) -> String { "fixed:" + (try settings.value(Self.path)) }
    func open(_ settings: Settings, _ context: SystemContext) async throws -> Fixed {
        Fixed(path: try settings.value(Self.path), time: FileTime(seconds: Int64(try settings.value(Self.time))))
    }

    struct Fixed: TreeSource {
        let path: String
        let time: FileTime
        func withTree<Result: Sendable>(
            of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any TreeReader) async throws -> Result
        ) async throws -> Result {
            try await body(Reader(base: try FolderReader(path: path), time: time))
        }
    }

    private struct Reader: TreeReader {
        let base: FolderReader
        let time: FileTime
        var logicalPath: TreePath { base.logicalPath }
        func metadata(of path: TreePath) throws -> FileMetadata { try base.metadata(of: path) }
        func list(_ directory: TreePath) throws -> TreeListing {
            var listing = try base.list(directory)
            for index in listing.entries.indices { listing.entries[index].metadata.standStill(at: time) }
            return listing
        }
        func open(_ file: TreePath) throws -> any FileReader { File(base: try base.open(file), time: time) }
    }

    private final class File: FileReader {
        private let base: any FileReader
        private let time: FileTime
        init(base: any FileReader, time: FileTime) {
            self.base = base
            self.time = time
        }
        func metadata() throws -> FileMetadata {
            var metadata = try base.metadata()
            metadata.standStill(at: time)
            return metadata
        }
        func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int { try base.read(into: buffer) }
        func close() { base.close() }
    }
}

extension FileMetadata {
    fileprivate mutating func standStill(at time: FileTime) {
        (inode, modified, changed) = (7, time, time)
    }
}

import Basics
import Foundation
import Rigs
import StorageKit
import Testing

@testable import Repository

/// Second copies and migrations, judged by stock restic.
@Suite struct TransferTests {
    private static let otherPassword = "another password"

    private func filled() async throws -> Bench {
        let bench = try await Bench()
        try InteroperabilityTests.fill(bench.folder, "source")
        _ = try await bench.repository.archive(FolderReader(bench.folder("source")), ArchiveOptions(host: "h", tags: ["a"]))
        try bench.folder.write("source/sub/later", noise(1_000_000, seed: 9))
        try await bench.restic.succeed("backup", "--host", "r", bench.folder("source"))
        return bench
    }

    private func restic(_ bench: Bench, _ name: String = "other") throws -> ResticRig {
        try ResticRig(repository: bench.folder(name), password: Self.otherPassword, cache: bench.folder("cache"))
    }

    private func other(_ bench: Bench) async throws -> Repository {
        try await Repository.create(on: LocalStore(path: bench.folder("other")), password: Array(Self.otherPassword.utf8))
    }

    private func expectSame(_ bench: Bench) async throws {
        let restic = try restic(bench)
        try await restic.succeed("check", "--read-data")
        try await restic.succeed("restore", "latest", "--target", bench.folder("out"))
        try Bench.expectEqual(bench.folder("source"), bench.folder("out") + bench.folder("source"))
    }

    @Test func aSecondCopyIsWhole() async throws {
        let bench = try await filled()
        let target = try await other(bench)
        let all = try await bench.repository.snapshots()
        let first = try await bench.repository.copy(Array(all.prefix(1)), to: target)
        #expect(first.copied.count == 1 && first.copied.first?.original == all[0].id && first.copied.first?.tags == ["a"])
        let second = try await bench.repository.copy(all, to: target)
        #expect(second.copied.count == 1 && second.skipped.map(\.id) == [all[0].id])
        // What the first brought is not sent again.
        #expect(second.blobs < first.blobs)
        let again = try await bench.repository.copy(all, to: target)
        #expect(again.copied.isEmpty && again.blobs == 0)
        #expect(try await target.snapshots().map(\.tree) == all.map(\.tree))
        try await expectSame(bench)
        // restic knows them as the copies that they are, and what it copied is known to us.
        let output = try await restic(bench).succeed(
            "copy", "--from-repo", bench.folder("repo"), environment: ["RESTIC_FROM_PASSWORD": Bench.password])
        #expect(output.contains("skipping source snapshot") || output.contains("skipping"), "\(output)")
        #expect(try await target.snapshots().count == 2)
        await #expect(throws: RepositoryError.self) { try await bench.repository.copy(all, to: bench.repository) }
    }

    @Test func whatResticCopiedIsNotCopiedAgain() async throws {
        let bench = try await filled()
        let target = try await other(bench)
        _ = try await restic(bench).succeed(
            "copy", "--from-repo", bench.folder("repo"), environment: ["RESTIC_FROM_PASSWORD": Bench.password])
        let report = try await bench.repository.copy(try await bench.repository.snapshots(), to: target)
        #expect(report.copied.isEmpty && report.skipped.count == 2)
    }

    @Test func aCopyThatWasCutOffGoesOn() async throws {
        let bench = try await filled()
        let target = try await other(bench)
        let all = try await bench.repository.snapshots()
        for step in [1, 2, 3, 4, 5] {
            let broken = try await Repository.open(
                TamperedStore(LocalStore(path: bench.folder("other")), breaksAfter: step), password: Array(Self.otherPassword.utf8))
            _ = try? await bench.repository.copy(all, to: broken)
            _ = try await target.removeLocks(all: true)
            try await restic(bench).succeed("check")
        }
        let last = try await bench.repository.copy(all, to: target)
        #expect(last.copied.count + last.skipped.count == 2)
        try await expectSame(bench)
    }

    @Test func whatIsDamagedIsNotCopied() async throws {
        let bench = try await filled()
        let target = try await other(bench)
        for path in try FileManager.default.subpathsOfDirectory(atPath: bench.folder("repo/data")) where path.count > 60 {
            let place = bench.folder("repo/data/\(path)")
            var bytes = try Data(contentsOf: URL(fileURLWithPath: place))
            guard bytes.count > 500_000 else { continue }
            bytes[100] ^= 1
            try FileManager.default.removeItem(atPath: place)
            try bytes.write(to: URL(fileURLWithPath: place))
        }
        await #expect(throws: RepositoryError.self) {
            try await bench.repository.copy(try await bench.repository.snapshots(), to: target)
        }
        #expect(try await target.snapshots().isEmpty)
        try await restic(bench).succeed("check", "--read-data")
    }

    @Test(arguments: [(1, 2), (2, 1), (1, 1)]) func copiesCrossVersions(_ versions: (from: Int, to: Int)) async throws {
        let folder = try Folder()
        let password = Bench.password
        let source = try ResticRig(repository: folder("from"), password: password, cache: folder("cache"))
        let target = try ResticRig(repository: folder("to"), password: password, cache: folder("cache"))
        try await source.succeed("init", "--repository-version", "\(versions.from)")
        try await target.succeed("init", "--repository-version", "\(versions.to)")
        try InteroperabilityTests.fill(folder, "source")
        try await source.succeed("backup", folder("source"))
        let from = try await Repository.open(LocalStore(path: folder("from")), password: Array(password.utf8))
        let to = try await Repository.open(LocalStore(path: folder("to")), password: Array(password.utf8))
        #expect(from.version == versions.from)
        _ = try await from.copy(try await from.snapshots(), to: to)
        try await target.succeed("check", "--read-data")
        try await target.succeed("restore", "latest", "--target", folder("out"))
        try Bench.expectEqual(folder("source"), folder("out") + folder("source"))
    }

    @Test func aMigrationIsSafeAtEveryStep() async throws {
        for step in 0...6 {
            let folder = try Folder()
            let restic = try ResticRig(repository: folder("repo"), password: "pw", cache: folder("cache"))
            try await restic.succeed("init", "--repository-version", "1")
            try folder.write("source/file", Bench.text(200_000, seed: 1))
            try await restic.succeed("backup", folder("source"))
            let store = LocalStore(path: folder("repo"))
            let broken = try await Repository.open(TamperedStore(store, breaksAfter: step), password: Array("pw".utf8))
            let migrated = (try? await broken.migrate()) ?? false
            // Whoever opens it next puts right what was left, whichever version it is then.
            let next = try await Repository.open(store, password: Array("pw".utf8))
            _ = try await next.removeLocks(all: true)
            #expect(!migrated || next.version == 2)
            if next.version == 1 { #expect(try await next.migrate()) }
            let last = try await Repository.open(store, password: Array("pw".utf8))
            #expect(last.version == 2 && last.id == next.id)
            #expect(try await !last.migrate())
            #expect(try await restic.succeed("cat", "config").contains("\"version\": 2"))
            _ = try await last.archive(FolderReader(folder("source")), ArchiveOptions(host: "h", parent: .none))
            try await restic.succeed("check", "--read-data")
        }
    }
}

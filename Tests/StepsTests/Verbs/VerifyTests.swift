import FlowModel
import Basics
import Foundation
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Repository
@testable import Steps

@Suite struct VerifyTests {
    private func copied() async throws -> StepStage {
        let stage = try StepStage()
        stage.declare(repository: "vault")
        try stage.write("home/a.txt", String(repeating: "alpha ", count: 5000))
        try stage.write("home/deep/b.txt", "beta")
        try FileManager.default.createSymbolicLink(atPath: stage.folder.file("home/link"), withDestinationPath: "a.txt")
        try FileManager.default.linkItem(atPath: stage.folder.file("home/a.txt"), toPath: stage.folder.file("home/deep/same"))
        try stage.declare(system: "home", "directory", ["path": .string(stage.folder.file("home"))])
        try await stage.run("copy", id: "copy-home", .systems(["home"]), ["to": "vault"])
        return stage
    }

    /// Every pack of the repository.
    private func packs(_ stage: StepStage) -> [String] {
        let data = stage.folder.file("vault/data")
        return (FileManager.default.enumerator(atPath: data)?.allObjects as? [String] ?? []).map { data + "/" + $0 }
            .filter { (try? FileManager.default.attributesOfItem(atPath: $0)[.type] as? FileAttributeType) == .typeRegular }
    }

    @Test(arguments: [("metadata", Proof.Level.metadata), ("50%", .sample), ("all", .all)])
    func readingProvesAtItsLevel(_ read: String, _ level: Proof.Level) async throws {
        let stage = try await copied()
        let result = try await stage.run("verify", id: "verify", .step("copy-home"), ["read": .string(read)])
        #expect(result.failure == nil)
        #expect(result.proofs.map(\.level) == [level])
        #expect(result.proofs.map(\.isGood) == [true])
    }

    @Test func aRepositoryIsProvedByItsNewestSnapshotsInScope() async throws {
        let stage = try await copied()
        try await stage.run("copy", id: "copy-home", .systems(["home"]), ["to": "vault"])
        let newest = try #require(try await stage.store("vault").snapshots().last)
        let own = try await stage.run("verify", id: "verify", .repository("vault"), [:])
        #expect(own.proofs.map(\.snapshotID) == [newest.id])
        // Another pipeline's copies are proved when that is asked for, and are nothing to it else.
        try await stage.restic("vault").succeed("tag", "--remove", "pipeline:nightly", "--add", "pipeline:other")
        await #expect(throws: StepError.self) { try await stage.run("verify", id: "verify", .repository("vault"), [:]) }
        let all = try await stage.run("verify", id: "verify", .repository("vault"), ["scope": "repository", "read": "all"])
        #expect(all.proofs.count == 1 && all.failure == nil)
    }

    /// The newest whole one of this time is what a restore would take.
    @Test func whatIsProvedIsWhatWouldBeRestored() async throws {
        let stage = try await copied()
        let own = try #require(try await stage.store("vault").snapshots().first)
        let restic = try stage.restic("vault")
        for extra in [["--tag", "partial"], ["--time", "2037-01-01 00:00:00"]] {
            let result = try await restic.run(
                ["backup", "--host", "home", "--tag", "pipeline:nightly,system:home", stage.folder.file("home")] + extra)
            #expect(result.status == 0, "\(result.errors)")
        }
        let result = try await stage.run("verify", id: "verify", .repository("vault"), [:])
        #expect(result.proofs.map(\.snapshotID) == [own.id])
        #expect(stage.recorder.lines.contains { $0.contains("misses something") }, "\(stage.recorder.lines)")
        #expect(stage.recorder.lines.contains { $0.contains("dated in the future") }, "\(stage.recorder.lines)")
    }

    /// The newest snapshot may be what can't be read: proving the one before would be a false success.
    @Test(arguments: ["flipped", "truncated", "empty"])
    func aSnapshotThatCanNotBeReadIsNoSuccessOfAnOlderOne(_ damage: String) async throws {
        let stage = try await copied()
        try await stage.run("copy", id: "copy-home", .systems(["home"]), ["to": "vault"])
        let newest = try #require(try await stage.store("vault").snapshots().last)
        let path = stage.folder.file("vault/snapshots/\(newest.id)")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        switch damage {
        case "flipped": bytes[bytes.count / 2] ^= 1
        case "truncated": bytes.removeLast(7)
        default: bytes = Data()
        }
        try bytes.write(to: URL(fileURLWithPath: path))
        let result = try await stage.run("verify", id: "verify", .repository("vault"), ["read": "all"])
        #expect(result.failure?.kind == .verification && result.failure?.found.contains("1 damaged") == true)
        #expect(result.proofs.count == 1, "what can be read is proved all the same")
        await #expect(throws: RepositoryError.self) { try await stage.store("vault").snapshotList().requireWhole() }
    }

    @Test func missingPackIsABadProofAndFailsForGood() async throws {
        let stage = try await copied()
        for pack in packs(stage) { try FileManager.default.removeItem(atPath: pack) }
        let result = try await stage.run("verify", id: "verify", .step("copy-home"), ["read": "all"])
        #expect(result.failure?.kind == .verification)
        #expect(result.failure?.retry == .permanent)
        #expect(result.proofs.map(\.isGood) == [false])
    }

    @Test func oneFlippedByteIsFoundByReadingAll() async throws {
        let stage = try await copied()
        for pack in packs(stage) {
            var bytes = try Data(contentsOf: URL(fileURLWithPath: pack))
            bytes[20] ^= 1
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: pack)
            try bytes.write(to: URL(fileURLWithPath: pack))
        }
        let result = try await stage.run("verify", id: "verify", .step("copy-home"), ["read": "all"])
        #expect(result.failure?.kind == .verification)
    }

    @Test func restoreIsComparedAndItsScratchDropped() async throws {
        let stage = try await copied()
        let result = try await stage.run("verify", id: "verify", .step("copy-home"), ["restore": [:]])
        #expect(result.failure == nil)
        #expect(result.proofs.map(\.level) == [.restore])
        #expect(result.proofs.first?.details["files"] == 4)
        #expect((result.proofs.first?.details["compared"]?.intValue ?? 0) >= 4)
        #expect(!stage.exists("scratch/verify/restored"))
    }

    @Test func dropRemovesWhatAKilledVerificationLeft() async throws {
        let stage = try await copied()
        try stage.write("scratch/verify/restored/folder/file", "left")
        try FileManager.default.setAttributes([.posixPermissions: 0o500], ofItemAtPath: stage.folder.file("scratch/verify/restored/folder"))
        try await stage.undo("verify", id: "verify", .step("copy-home"), ["restore": [:]])
        #expect(!stage.exists("scratch/verify/restored"))
        try await stage.undo("verify", id: "verify", .step("copy-home"), ["restore": [:]])
    }

    /// What the ledger saw and what lies on disk.
    @Test(arguments: ["content", "size", "mode", "missing", "hole"])
    func aDifferenceOnDiskIsFound(_ change: String) async throws {
        let folder = try ScratchFolder("witness")
        let ledger = WitnessLedger()
        let writer = WitnessWriter(base: try FolderWriter(path: folder.path, overwrite: false), ledger: ledger)
        let bytes = [UInt8](repeating: 7, count: 5000)
        let path = TreePath("file")
        let file = try writer.createFile(path, size: 20000)
        try bytes.withUnsafeBytes { try file.write($0, at: 8000) }
        try file.finish()
        _ = try writer.setMetadata(
            path,
            FileMetadata(
                kind: .file, permissions: 0o640, userID: getuid(), groupID: getgid(), size: 20000, modified: FileTime(seconds: 1000)))
        func differences() throws -> [String] {
            try ledger.compare(
                with: try FolderReader(path: folder.path), isStopped: { false })
        }
        #expect(try differences() == [])
        let url = URL(fileURLWithPath: folder.file("file"))
        var content = try Data(contentsOf: url)
        switch change {
        case "content": content[9000] = 8
        case "hole": content[100] = 1
        case "size": content.append(0)
        case "missing": try FileManager.default.removeItem(at: url)
        default: try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: url.path)
        }
        if change != "missing", change != "mode" {
            let handle = try FileHandle(forWritingTo: url)
            try handle.write(contentsOf: content)
            try handle.close()
            try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSince1970: 1000)], ofItemAtPath: url.path)
        }
        #expect(try differences().count == 1)
    }

    @Test func everyByteWithinReadsAllOnlyWhenTheLastFullReadIsOld() async throws {
        let stage = try await copied()
        let settings: [String: JSONValue] = ["read": "metadata", "everyByteWithin": "7d"]
        let first = try await stage.run("verify", id: "verify", .step("copy-home"), settings)
        #expect(first.proofs.map(\.level) == [.all])
        stage.recorder.set(proofs: first.proofs)
        let second = try await stage.run("verify", id: "verify", .step("copy-home"), settings)
        #expect(second.proofs.map(\.level) == [.metadata])
    }

    /// A system of that name in another pipeline, or on another host, is another one; and a clock that was wrong proves nothing for years.
    @Test(arguments: [
        "pipeline:other,system:home at home", "pipeline:nightly,system:home at elsewhere", "pipeline:nightly,system:home at home",
    ])
    func anotherOnesFullReadIsNotThisOnes(_ origin: String) async throws {
        let stage = try await copied()
        let settings: [String: JSONValue] = ["read": "metadata", "everyByteWithin": "7d"]
        let parts = origin.split(separator: " ").map(String.init)
        try await stage.restic("vault").succeed("backup", "--tag", parts[0], "--host", parts[2], stage.folder.file("home"))
        let other = try #require(try await stage.store("vault").snapshots().last)
        var finding = Finding(other)
        finding.read(.all, CheckReport())
        var proof = finding.proof(repositoryID: try await stage.store("vault").id, isPartial: false)
        stage.recorder.set(proofs: [proof])
        let isSame = origin == "pipeline:nightly,system:home at home"
        let first = try await stage.run("verify", id: "verify", .step("copy-home"), settings)
        #expect(first.proofs.map(\.level) == [isSame ? .metadata : .all])
        proof.details = .object((proof.details.objectValue ?? [:]).merging(["at": 4_000_000_000_000]) { $1 })
        stage.recorder.set(proofs: [proof])
        let second = try await stage.run("verify", id: "verify", .step("copy-home"), settings)
        #expect(second.proofs.map(\.level) == [.all])
    }

    /// A snapshot that was proved and is gone still says when its system was read; a proof of an earlier version does not say whose it is.
    @Test func everyByteWithinIsOfEachSystemOfARepository() async throws {
        let stage = try await copied()
        let settings: [String: JSONValue] = ["read": "metadata", "everyByteWithin": "7d"]
        let first = try await stage.run("verify", id: "verify", .repository("vault"), settings)
        #expect(first.proofs.map(\.level) == [.all])
        stage.recorder.set(proofs: first.proofs)
        #expect(try await stage.run("verify", id: "verify", .repository("vault"), settings).proofs.map(\.level) == [.metadata])
        try await stage.run("copy", id: "copy-home", .systems(["home"]), ["to": "vault"])
        try await stage.restic("vault").succeed("forget", first.proofs[0].snapshotID)
        #expect(try await stage.run("verify", id: "verify", .repository("vault"), settings).proofs.map(\.level) == [.metadata])
        var old = first.proofs
        old[0].details = .object((old[0].details.objectValue ?? [:]).filter { !["pipeline", "host"].contains($0.key) })
        stage.recorder.set(proofs: old)
        #expect(try await stage.run("verify", id: "verify", .repository("vault"), settings).proofs.map(\.level) == [.all])
    }

    @Test func aPartialCopysProofSaysSo() throws {
        let snapshot = Snapshot(id: "a", time: Instant(microseconds: 0), tree: "", paths: ["/x"], hostname: "h", tags: ["system:home"])
        #expect(Finding(snapshot).proof(repositoryID: "r", isPartial: true).details["partial"] == true)
        #expect(Finding(snapshot).proof(repositoryID: "r", isPartial: false).details["partial"] == nil)
    }
}

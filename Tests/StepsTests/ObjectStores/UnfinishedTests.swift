import Crypto
import Basics
import Foundation
import HTTPClient
import Repository
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Steps

/// What died in the middle of an upload is found and removed when it is old, on real servers; what is young, whole or somebody else's stays.
@Suite struct UnfinishedTests {
    private static let day = TimeSpan.hours(24)
    private static let atOnce = TimeSpan.seconds(0)

    private func pack(_ bytes: [UInt8]) -> ObjectName {
        let id = SHA256.digest(bytes).hex
        return ObjectName("data/\(id.prefix(2))/\(id)")
    }

    /// The first connections break after so many bytes, and all after them at once: whatever would be taken back is not.
    private func proxy(to url: String, _ limits: [Int]) throws -> FaultProxy {
        try FaultProxy(to: UInt16(try #require(URLComponents(string: url)?.port))) { .cutUp($0 < limits.count ? limits[$0] : 0) }
    }

    private func behind(_ proxy: FaultProxy, _ url: String) throws -> JSONValue {
        let port = try #require(URLComponents(string: url)?.port)
        return .string(url.replacing(":\(port)", with: ":\(proxy.port)"))
    }

    private func open(_ bench: StoreBench) async throws -> Repository {
        try await Repository.create(on: bench.open(), password: Array("geheim".utf8))
    }

    // MARK: s3

    private func uploads(_ connection: S3Connection) async throws -> [String] {
        let answer = try await connection.ask("GET", key: nil, query: [("uploads", "")], expected: "a list")
        return (S3Document(answer.body)?.all("Upload") ?? []).compactMap { $0["Key"] }.sorted()
    }

    @Test func aPrunedBucketHoldsNoPartOfAnUploadThatDied() async throws {
        let bench = try await StoreBench(.radosgw)
        let repository = try await open(bench)
        let url = try #require(bench.settings["endpoint"]?.stringValue)
        // One request after the other: a part of 32 MiB gets through, and the next one breaks.
        let proxy = try proxy(to: url, [40_000_000])
        defer { proxy.stop() }
        let bytes = [UInt8](repeating: 3, count: (96 << 20) + 5)
        let broken = try await bench.open(["endpoint": behind(proxy, url), "connections": 1])
        await #expect(throws: StorageError.self) { try await broken.put(pack(bytes), bytes) }
        let connection = try #require(try await bench.open() as? S3Store).connection
        let key = "site/one/" + pack(bytes).text
        #expect(try await uploads(connection) == [key], "nobody could take it back")
        let careful = try await repository.prune()
        #expect(careful.unfinished == UnfinishedObjects() && careful.unfinishedProblem == nil, "\(careful)")
        #expect(try await uploads(connection) == [key], "it is young: somebody may be at it")
        let report = try await repository.prune(PruneOptions(unfinishedAge: Self.atOnce))
        #expect(report.unfinished.count == 1 && report.unfinished.bytes >= 32 << 20, "\(report)")
        #expect(try await uploads(connection).isEmpty)
    }

    /// Not on moto, which says of every upload that it was begun in 2010.
    @Test(arguments: [StoreSample.radosgw, .swiftS3]) func uploadsOfOthersStay(_ sample: StoreSample) async throws {
        let bench = try await StoreBench(sample)
        let store = try #require(try await bench.made() as? S3Store)
        let connection = store.connection
        let ours = "site/one/" + pack([1]).text
        let others = ["site/one/notes/today", "site/two/" + pack([1]).text, "site/one/data/zz/" + SHA256.hex([1])]
        for key in [ours] + others {
            let begun = try await connection.ask("POST", key: key, query: [("uploads", "")], body: [], expected: "an upload")
            let id = try #require(S3Document(begun.body)?["UploadId"])
            _ = try await connection.ask(
                "PUT", key: key, query: [("partNumber", "1"), ("uploadId", id)], body: [UInt8](repeating: 1, count: 5 << 20),
                expected: "a part")
        }
        // OpenStack Swift lists what is new when it gets to it.
        try await eventually("the upload is listed", every: .milliseconds(50)) { try await uploads(connection).count > others.count }
        #expect(try await store.removeUnfinished(olderThan: Self.day) == UnfinishedObjects())
        // Who looks changes nothing.
        #expect(try await store.findUnfinished(olderThan: Self.day) == UnfinishedObjects())
        // Servers round the time at which it was begun, up to the next second.
        for _ in 1...2 {
            try await eventually("it is older than nothing", every: .milliseconds(50)) {
                try await store.findUnfinished(olderThan: Self.atOnce) == UnfinishedObjects(count: 1, bytes: 5 << 20)
            }
        }
        #expect(try await store.removeUnfinished(olderThan: Self.atOnce) == UnfinishedObjects(count: 1, bytes: 5 << 20))
        #expect(try await uploads(connection) == others.sorted())
        #expect(try await store.removeUnfinished(olderThan: Self.atOnce) == UnfinishedObjects())
    }

    // MARK: swift

    @Test(arguments: [StoreSample.swift, .gatewaySwift]) func segmentsWithoutAManifestGo(_ sample: StoreSample) async throws {
        let bench = try await StoreBench(sample)
        let pieces: [String: JSONValue] = ["segmentSize": "1MiB"]
        let store = try #require(try await bench.made(pieces) as? SwiftStore)
        let whole = (0..<3 << 20).map { UInt8(truncatingIfNeeded: $0 / 977) }
        try await store.put(pack(whole), whole)
        let url = try await store.container.account.session().url
        let proxy = try proxy(to: url, [2_500_000])
        defer { proxy.stop() }
        let bytes = [UInt8](repeating: 5, count: (9 << 20) + 1)
        let broken = try await bench.open(pieces.merging(["storageURL": behind(proxy, url), "connections": 1]) { $1 })
        await #expect(throws: StorageError.self) { try await broken.put(pack(bytes), bytes) }

        #expect(try await store.removeUnfinished(olderThan: Self.day) == UnfinishedObjects())
        // A store that has just been opened looks for the segments itself.
        let found = try await bench.open(pieces).findUnfinished(olderThan: Self.atOnce)
        let removed = try await bench.open(pieces).removeUnfinished(olderThan: Self.atOnce)
        #expect(found == removed)
        #expect(removed.count == 1 && removed.bytes >= 1 << 20 && removed.bytes <= 6 << 20, "\(removed)")
        #expect(try await store.removeUnfinished(olderThan: Self.atOnce) == UnfinishedObjects())
        #expect(try await store.get(pack(whole)) == whole, "what a manifest names stays")
    }

    /// An upload that was repeated after one that died: the object's own segments stay, the dead one's go.
    @Test func segmentsOfAnEarlierTryGo() async throws {
        let bench = try await StoreBench(.swift)
        let store = try #require(try await bench.made(["segmentSize": "1MiB"]) as? SwiftStore)
        let bytes = (0..<2 << 20).map { UInt8(truncatingIfNeeded: $0 / 331) }
        try await store.put(pack(bytes), bytes)
        let container = store.container
        let segments = SwiftContainer(
            account: container.account, name: container.name + "_segments", prefix: container.prefix, text: "segments")
        let key = "\(container.key(pack(bytes).text))/\(UUID().uuidString.lowercased())/00000000"
        try await segments.ask("PUT", key: key, body: [1, 2, 3], statuses: [201], expected: "a segment")
        let notOurs = container.key("notes/\(UUID().uuidString)/00000000")
        try await segments.ask("PUT", key: notOurs, body: [1], statuses: [201], expected: "a segment")
        #expect(try await store.removeUnfinished(olderThan: Self.atOnce) == UnfinishedObjects(count: 1, bytes: 3))
        #expect(try await store.get(pack(bytes)) == bytes)
        #expect(try await segments.send("HEAD", key: notOurs).isSuccess)
    }

    // MARK: rados, through a process of its own

    @Test func piecesWithoutAFirstOneGo() async throws {
        let bench = try await StoreBench(.rados)
        let store = try await bench.made()
        let large = [UInt8](repeating: 9, count: (33 << 20) + 1)
        try await store.put(pack(large), large)
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: bench.folder.file("piece")))
        let pool = ["-p", "rbd", "-N", bench.settings["namespace"]?.stringValue ?? ""]
        for name in [pack([1]).text + "#1", pack([1]).text + "#2", "note#1"] {
            _ = try await CephRig.running().run("rados", pool[0], pool[1], pool[2], pool[3], "put", name, bench.folder.file("piece"))
        }
        #expect(try await store.removeUnfinished(olderThan: Self.day) == UnfinishedObjects())
        for _ in 1...2 { #expect(try await store.findUnfinished(olderThan: Self.atOnce) == UnfinishedObjects(count: 1, bytes: 6)) }
        #expect(try await store.removeUnfinished(olderThan: Self.atOnce) == UnfinishedObjects(count: 1, bytes: 6))
        let left = try await bench.pieces().split(separator: "\n").map(String.init).sorted()
        #expect(left == [pack(large).text, pack(large).text + "#1", pack(large).text + "#2", "note#1"].sorted())
        #expect(try await store.get(pack(large)) == large)
    }

    // MARK: files

    /// Ours have none while they are written, where the file system can do that; those of restic, and of ours elsewhere, have.
    @Test(arguments: [StoreSample.sftp, .local]) func filesThatGotNoNameGo(_ sample: StoreSample) async throws {
        let bench = try await StoreBench(sample)
        let store = try await bench.made()
        try await store.put(pack([1]), [1])
        let folder = bench.folder.file("repo")
        func leave(_ name: String, hoursAgo: Double) throws {
            let path = "\(folder)/\(name)"
            try FileManager.default.createDirectory(
                atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
            try Data([1, 2, 3, 4]).write(to: URL(fileURLWithPath: path))
            try FileManager.default.setAttributes([.modificationDate: Date.now.addingTimeInterval(-hoursAgo * 3600)], ofItemAtPath: path)
        }
        let (old, young, note) = (pack([2]).text + "-tmp-77", pack([2]).text + "-tmp-78", "data/note-tmp-1")
        try leave(old, hoursAgo: 25)
        try leave(young, hoursAgo: 23)
        try leave(note, hoursAgo: 2000)
        for _ in 1...2 { #expect(try await store.findUnfinished(olderThan: Self.day) == UnfinishedObjects(count: 1, bytes: 4)) }
        #expect(try await store.removeUnfinished(olderThan: Self.day) == UnfinishedObjects(count: 1, bytes: 4))
        func isThere(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(folder)/\(name)") }
        #expect(!isThere(old) && isThere(young) && isThere(note) && isThere(pack([1]).text))
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder)/locks").isEmpty, "nothing of the look at the server's clock")
    }
}

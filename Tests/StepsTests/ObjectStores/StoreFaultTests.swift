import FlowModel
import Crypto
import Basics
import Foundation
import HTTPClient
import Repository
import Rigs
import StepKit
import StorageKit
import Synchronization
import Testing

@testable import Steps

/// Between us and a real server stands a proxy that cuts, answers, drips and says nothing.
@Suite struct StoreFaultTests {
    private static let samples: [StoreSample] = [.rclone, .restServer, .radosgw, .swift]

    private func pack(_ bytes: [UInt8]) -> ObjectName {
        let id = SHA256.digest(bytes).hex
        return ObjectName("data/\(id.prefix(2))/\(id)")
    }

    /// Where the sample's server is, in its settings; that of Swift lets in elsewhere.
    private func address(_ bench: StoreBench) async throws -> (key: String, url: String) {
        switch bench.sample {
        case .rclone, .restServer: ("url", try #require(bench.settings["url"]?.stringValue))
        case .swift: ("storageURL", try await #require(bench.open() as? SwiftStore).container.account.session().url)
        default: ("endpoint", try #require(bench.settings["endpoint"]?.stringValue))
        }
    }

    /// The sample's settings with the proxy in the server's place.
    private func behind(_ proxy: FaultProxy, _ bench: StoreBench) async throws -> [String: JSONValue] {
        let (key, url) = try await address(bench)
        let port = try #require(URLComponents(string: url)?.port)
        return [key: .string(url.replacing(":\(port)", with: ":\(proxy.port)"))]
    }

    private func proxy(_ bench: StoreBench, _ plan: @escaping @Sendable (Int) -> FaultProxy.Fault) async throws -> FaultProxy {
        try FaultProxy(to: UInt16(try #require(URLComponents(string: try await address(bench).url)?.port)), plan)
    }

    private func error(
        _ sample: StoreSample, _ fault: FaultProxy.Fault, _ more: [String: JSONValue] = [:],
        _ call: @Sendable (any ObjectStore, ObjectName, [UInt8]) async throws -> Void
    ) async throws -> StorageError? {
        let bench = try await StoreBench(sample)
        let bytes = [UInt8](repeating: 7, count: 300_000)
        try await bench.made().put(pack([1]), [1])
        try await bench.open().put(pack(bytes), bytes)
        let proxy = try await proxy(bench) { _ in fault }
        defer { proxy.stop() }
        let store = try await bench.open(await behind(proxy, bench).merging(more) { $1 })
        return await #expect(throws: StorageError.self, "\(sample) \(fault)") { try await call(store, pack(bytes), bytes) }
    }

    /// What a load balancer says of a server that is slow, and has done what it was asked.
    private static let late = "HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    private func replaced(_ bench: StoreBench, _ substitution: FaultProxy.Substitution, _ more: [String: JSONValue] = [:]) async throws -> (
        store: any ObjectStore, proxy: FaultProxy
    ) {
        let proxy = try await proxy(bench) { _ in .answerAfter(substitution) }
        return (try await bench.open(await behind(proxy, bench).merging(more) { $1 }), proxy)
    }

    /// The server has done it, and its answer is lost: nothing of what it has may go, and a repetition finds it.
    @Test(arguments: samples) func whatWasDoneAndAnsweredWronglyIsWhole(_ sample: StoreSample) async throws {
        let bench = try await StoreBench(sample)
        _ = try await bench.made()
        let large = (0..<(12 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
        for (bytes, more, marker) in [
            ([UInt8](repeating: 9, count: 300_000), [:], sample == .rclone || sample == .restServer ? "POST " : "PUT "),
            (large, sample == .swift ? ["segmentSize": "5MiB"] : [:], sample == .swift ? "multipart-manifest=put" : "P"),
        ] as [([UInt8], [String: JSONValue], String)] {
            let substitution = FaultProxy.Substitution(of: marker, by: Self.late)
            let (store, proxy) = try await replaced(bench, substitution, more)
            defer { proxy.stop() }
            let name = pack(bytes)
            let lasting = RetryingStore(store, StoreRetries(pause: .milliseconds(1)))
            try await lasting.put(name, bytes)
            #expect(substitution.happened)
            #expect(try await bench.open().get(name) == bytes, "\(sample) \(marker)")
            try await bench.open().delete(name)
        }
    }

    /// Ceph's gateway and Swift: whether an object has segments is not told by an error.
    @Test func anErrorSaysNothingOfSegments() async throws {
        let bench = try await StoreBench(.swift)
        _ = try await bench.made()
        let bytes = (0..<(11 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
        try await bench.open(["segmentSize": "5MiB"]).put(pack(bytes), bytes)
        let container = try #require(bench.settings["container"]?.stringValue)
        let substitution = FaultProxy.Substitution(of: "\(container)_segments HTTP/1.1", by: Self.late.replacing("504", with: "500"))
        let (store, proxy) = try await replaced(bench, substitution)
        defer { proxy.stop() }
        await #expect(throws: StorageError.self) { try await store.list(prefix: "data/") { _ in } }
        #expect(substitution.happened)
        let found = Collector()
        try await store.list(prefix: "data/") { found.add($0) }
        #expect(found.all.map(\.size) == [Int64(bytes.count)])
    }

    private final class Collector: Sendable {
        private let state = Mutex<[ObjectInfo]>([])
        func add(_ more: [ObjectInfo]) { state.withLock { $0 += more } }
        var all: [ObjectInfo] { state.withLock { $0 } }
    }

    /// A list that is empty by mistake would let a prune remove everything.
    @Test(arguments: [.restServer, .swift] as [StoreSample], [1, 1000]) func aWrongListEmptiesNoRepository(
        _ sample: StoreSample, times: Int
    ) async throws {
        let bench = try await StoreBench(sample)
        _ = try await bench.made()
        let folder = try ScratchFolder("wrong-list")
        try "the only copy".write(toFile: folder.file("file"), atomically: true, encoding: .utf8)
        let password = Array("geheim".utf8)
        let repository = try await Repository.create(on: try await bench.open(), password: password)
        _ = try await repository.archive(FolderReader(path: folder.path), ArchiveOptions(host: "h"))
        let notThere = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        let marker = sample == .swift ? "snapshots%2F" : "/snapshots/ HTTP/1.1"
        let substitution = FaultProxy.Substitution(of: marker, by: notThere, times: times)
        let (store, proxy) = try await replaced(bench, substitution)
        defer { proxy.stop() }
        let confused = try await Repository.open(store, password: password)
        if times > 1 || sample == .swift {
            await #expect(throws: (any Error).self) { _ = try await confused.prune() }
        } else {
            #expect(try await confused.prune().packsRemoved == 0)
        }
        #expect(substitution.happened == (times == 1))
        #expect(try await repository.check(CheckOptions(read: .all)).isSound)
        #expect(try await repository.snapshots().count == 1)
    }

    @Test(arguments: samples) func whatIsCutOffMayBeTriedAgain(_ sample: StoreSample) async throws {
        let calls: [@Sendable (any ObjectStore, ObjectName, [UInt8]) async throws -> Void] = [
            { store, _, bytes in try await store.put(ObjectName("index/" + SHA256.digest(bytes + [1]).hex), bytes + [1]) },
            { store, name, _ in _ = try await store.get(name) },
            { store, name, _ in _ = try await store.get(name, range: 5..<200_000) },
            { store, name, _ in _ = try await store.stat(name) },
            { store, _, _ in try await store.list(prefix: "data/") { _ in } },
            { store, name, _ in try await store.delete(name) },
        ]
        for fault in [FaultProxy.Fault.cutUp(60), .cutDown(20)] {
            for (number, call) in calls.enumerated() {
                let error = try await error(sample, fault, [:], call)
                #expect(error?.kind == .unavailable && error?.retry == .transient, "\(number) \(fault): \(String(describing: error))")
            }
        }
        // An answer that ends before its time is no short object.
        let half = try await error(sample, .cutDown(100_000)) { store, name, _ in _ = try await store.get(name) }
        #expect(half?.kind == .unavailable && half?.retry == .transient, "\(String(describing: half))")
    }

    @Test(arguments: samples) func theServersOwnTroubleIsWaitedFor(_ sample: StoreSample) async throws {
        let busy = "HTTP/1.1 503 Slow Down\r\nRetry-After: 7\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        let slow = try await error(sample, .answer(busy)) { store, name, _ in _ = try await store.get(name) }
        #expect(slow?.kind == .unavailable && slow?.retry == .transient && slow?.retryAfter == .seconds(7), "\(String(describing: slow))")
        let broken = try await error(sample, .answer("HTTP/1.1 500 Internal\r\nContent-Length: 4\r\nConnection: close\r\n\r\nboom")) {
            store, name, _ in
            _ = try await store.get(name)
        }
        #expect(broken?.kind == .unavailable && broken?.retry == .transient, "\(String(describing: broken))")
        let silent = try await error(sample, .silence, ["timeout": "1s"]) { store, name, _ in _ = try await store.get(name) }
        #expect(silent?.kind == .unavailable && silent?.retry == .transient, "\(String(describing: silent))")
        let moved = try await error(
            sample, .answer("HTTP/1.1 307 Moved\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        ) { store, name, _ in _ = try await store.get(name) }
        #expect(moved?.retry == .permanent && moved?.advice.contains("elsewhere") == true, "\(String(describing: moved))")
    }

    /// Breaks five connections, each in a way of its own, after every `worsen`: less than a call is tried, whichever calls meet them.
    private final class BadLine: Sendable {
        private static let busy = "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        private static let faults: [FaultProxy.Fault] = [
            .cutUp(300), .cutDown(100), .answer(busy), .cutUp(1_500_000), .drip(4000), .cutDown(3000),
        ]
        private let left = Mutex(faults[...])

        func worsen() { left.withLock { $0 = Self.faults[...] } }
        func next() -> FaultProxy.Fault { left.withLock { $0.popFirst() } ?? .none }
    }

    /// A whole copy and a prune through a line on which every connection breaks sooner or later.
    @Test(arguments: samples) func aCopyGetsThroughABadLine(_ sample: StoreSample) async throws {
        let bench = try await StoreBench(sample)
        let line = BadLine()
        let proxy = try await proxy(bench) { _ in line.next() }
        defer { proxy.stop() }
        let stage = try StepStage()
        try stage.declare(repository: "vault", bench.sample.type, bench.settings.merging(try await behind(proxy, bench)) { $1 })
        try stage.declare(system: "home", "directory", ["path": .string(stage.folder.file("data"))])
        try FileManager.default.createDirectory(atPath: stage.folder.file("data"), withIntermediateDirectories: true)
        for round in 1...2 {
            var state = UInt64(round)
            for file in 0..<4 {
                let bytes = (0..<1_500_000).map { _ in
                    state = state &* 6_364_136_223_846_793_005 &+ 1
                    return UInt8(truncatingIfNeeded: state >> 33)
                }
                try Data(bytes).write(to: URL(fileURLWithPath: stage.folder.file("data/\(file)")))
            }
            line.worsen()
            let copy = try await stage.run("copy", id: StepID("copy-\(round)"), .systems(["home"]), ["to": "vault"])
            #expect(copy.missed == [])
        }
        line.worsen()
        try await stage.run("prune", id: "prune", .repository("vault"), ["keep": ["last": 1], "reclaimEvery": "0s"])
        #expect(proxy.connections > 8, "\(proxy.connections)")
        let restic = try bench.restic(password: StepStage.password)
        try await restic.succeed("check", "--read-data")
        try await restic.succeed("restore", "latest", "--target", stage.folder.file("back"))
        #expect(
            FileManager.default.contentsEqual(
                atPath: stage.folder.file("data"), andPath: stage.folder.file("back") + stage.folder.file("data")))
    }

    /// Parts that were stored of an upload that fails are taken back.
    @Test func noPartOfAFailedUploadStays() async throws {
        let bench = try await StoreBench(.radosgw)
        _ = try await bench.made()
        // One part gets through; whichever comes next on any connection breaks.
        let proxy = try await proxy(bench) { number in .cutUp(number == 0 ? 40_000_000 : 9_000_000) }
        defer { proxy.stop() }
        let store = try await bench.open(await behind(proxy, bench))
        let bytes = [UInt8](repeating: 3, count: (96 << 20) + 5)
        await #expect(throws: StorageError.self) { try await store.put(pack(bytes), bytes) }
        let connection = try #require(try await bench.open() as? S3Store).connection
        let uploads = try await connection.ask("GET", key: nil, query: [("uploads", "")], expected: "a list")
        #expect(S3Document(uploads.body)?.all("Upload").isEmpty == true)
        #expect(try await bench.open().stat(pack(bytes)) == nil)
    }
}

import Basics
import Foundation
import HTTPClient
import Repository
import Rigs
import StepKit
import StorageKit
import Synchronization
import Testing
import Threads

@testable import Steps

/// The built program is killed by SIGKILL while an object of several parts is on its way to a real server: the repository is whole, the next run
/// carries on, and the parts that nobody will ever finish are found by `prune`.
@Suite struct KilledUploadTests {
    /// The first connection that has carried so much stalls, and no other one ever does: what has gone by then is more than the first part.
    private final class Line: Sendable {
        private let isOpen = Atomic(false)
        func open() { isOpen.store(true, ordering: .relaxed) }
        func next() -> FaultProxy.Fault { isOpen.load(ordering: .relaxed) ? .none : .stallUp(8 << 20) }
    }

    /// What lies on the server of objects that are not whole.
    private func unfinished(_ store: any ObjectStore) async throws -> [String] {
        if let store = store as? S3Store {
            let answer = try await store.connection.ask("GET", key: nil, query: [("uploads", "")], expected: "a list")
            return (S3Document(answer.body)?.all("Upload") ?? []).compactMap { $0["Key"] }
        }
        let container = try #require(store as? SwiftStore).container
        let segments = SwiftContainer(
            account: container.account, name: container.name + "_segments", prefix: container.prefix, text: "segments")
        var keys: Set<String> = []
        try await segments.list(prefix: "") { keys.formUnion($0.map { LargeObject.key(ofSegment: $0.key) }) }
        var orphans: [String] = []
        for key in keys where try await container.send("HEAD", key: key).status == 404 { orphans.append(key) }
        return orphans
    }

    @Test(arguments: [StoreSample.radosgw, .swift]) func theNextRunCarriesOn(_ sample: StoreSample) async throws {
        let bench = try await StoreBench(sample)
        let rig = try FlowRig("killed-upload")
        let pool = BlockingPool(label: "killed-upload", width: 1)
        func run(_ arguments: [String]) async throws -> FlowOutcome { try await pool.run { try rig.run(arguments) } }
        var settings = bench.settings.merging(sample == .radosgw ? ["partSize": "5MiB"] : ["segmentSize": "1MiB"]) { $1 }
        // One request after the other: the first part is there before the second begins.
        settings["connections"] = 1
        var place = "endpoint"
        if sample == .swift {
            place = "storageURL"
            settings[place] = .string(try await #require(bench.open() as? SwiftStore).container.account.session().url)
        }
        let url = try #require(settings[place]?.stringValue)
        let port = try #require(URLComponents(string: url)?.port)
        let line = Line()
        let proxy = try FaultProxy(to: UInt16(port)) { _ in line.next() }
        defer { proxy.stop() }
        settings[place] = .string(url.replacing(":\(port)", with: ":\(proxy.port)"))
        settings["type"] = .string(sample.type)
        settings["password"] = ["fromFile": .string(try rig.write("pw", "geheim"))]

        try FileManager.default.createDirectory(atPath: rig.path("data"), withIntermediateDirectories: true)
        try await HostProgram.run(["bash", "-euc", "for n in 1 2 3; do head -c 12000000 /dev/urandom >data/$n; done"], in: rig.folder)
        let vault = JSONValue.object(settings).canonicalText
        let document = try rig.write(
            "pipeline.yaml",
            """
            name: away
            systems:      {home: {type: directory, path: \(rig.path("data"))}}
            repositories: {vault: \(vault)}
            steps:        [{copy: home, to: vault}]
            """)

        let killed = try rig.start(["run", document])
        do { try await proxy.untilStalled() } catch {
            killed.send(SIGKILL)
            throw WasNotReached(said: killed.output + killed.errors)
        }
        killed.send(SIGKILL)
        #expect(try await pool.run { killed.wait() }.signal == SIGKILL)
        let store = try await bench.open()
        let left = try await unfinished(store)
        #expect(!left.isEmpty && left.allSatisfy { $0.hasPrefix("site/one/data/") }, "\(left)")
        let restic = try bench.restic(password: "geheim")
        try await restic.succeed("check", "--read-data", "--no-lock")

        line.open()
        let next = try await run(["run", document])
        #expect(next.status == 0, "\(next.output)\(next.errors)")
        try await restic.succeed("check", "--read-data")
        try await restic.succeed("restore", "latest", "--target", rig.path("back"))
        #expect(FileManager.default.contentsEqual(atPath: rig.path("data"), andPath: rig.path("back") + rig.path("data")))

        // A prune leaves alone what somebody may be at, and what it removes later is what was left, whole objects never.
        let pruned = try await run(["repository", "prune", "--file", document, "--repository", "vault"])
        #expect(pruned.status == 0, "\(pruned.output)\(pruned.errors)")
        #expect(try await unfinished(store).sorted() == left.sorted(), "they are young")
        let repository = try await Repository.open(store, password: Array("geheim".utf8))
        let report = try await repository.prune(PruneOptions(unfinishedAge: .seconds(0)))
        #expect(report.unfinished.count == left.count && report.unfinished.bytes >= 1 << 20, "\(report)")
        #expect(try await unfinished(store).isEmpty)
        try await restic.succeed("check", "--read-data")
        try await pool.run { rig.close() }
    }

    private struct WasNotReached: Error { var said: String }
}

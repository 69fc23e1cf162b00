import Basics
import FlowModel
import Foundation
import Repository
import Rigs
import StepKit
import StorageKit
import Testing

@testable import CephSteps
@testable import Steps

@Suite struct CephRadosTests {
    private func stage(_ pool: ScratchPool, _ more: [String: JSONValue] = [:]) throws -> StepStage {
        let stage = try StepStage()
        stage.declare(repository: "vault")
        try stage.declare(system: "objects", "ceph-rados", pool.settings.merging(more) { $1 })
        return stage
    }

    @discardableResult
    private func restore(_ stage: StepStage, to pool: ScratchPool, _ more: [String: JSONValue] = [:], overwrite: Bool = false)
        async throws
        -> StepResult
    {
        let system = "target-\(UInt32.random(in: .min ... .max))"
        try stage.declare(system: system, "ceph-rados", pool.settings.merging(more) { $1 })
        return try await stage.run(
            "restore", id: StepID("restore-\(system)"), .snapshot("latest"),
            ["from": "vault", "to": .string(system), "overwrite": .bool(overwrite)])
    }

    @Test func everyKindOfObjectComesBackBitForBit() async throws {
        let (source, target) = (try await ScratchPool(), try await ScratchPool())
        try await source.fill()
        let stage = try stage(source)
        let copy = try await stage.run("copy", id: "copy", .systems(["objects"]), ["to": "vault"])
        #expect(copy.missed.isEmpty, "\(copy.missed)")
        let (system, context) = try await { () async throws -> (any TreeDestination, StepContext) in
            try stage.declare(system: "empty", "ceph-rados", target.settings)
            return try await stage.open("empty", as: (any TreeDestination).self)
        }()
        #expect(try await system.isEmpty(context) == true)
        try await restore(stage, to: target)
        #expect(try await system.isEmpty(context) == false)
        let (before, after) = (try await source.exported(), try await target.exported())
        #expect(before == after && before.count > 5_000_000, "\(before.count) bytes, \(after.count) came back")
        func times(_ pool: ScratchPool) async throws -> [String] {
            var times: [String] = []
            for name in ["plain", "index", "zeros"] {
                times.append(try await pool.rados("stat", name).replacing(pool.name, with: "pool"))
            }
            return times
        }
        #expect(try await times(source) == times(target))
        // Stock restic reads the same, with names, attributes and holes.
        try await stage.restic("vault").succeed("check", "--read-data")
        try await stage.restic("vault").succeed("restore", "latest", "--target", stage.folder.file("out"))
        let out = stage.folder.file("out/ceph-rados/\(source.name)/")
        #expect(try Data(contentsOf: URL(fileURLWithPath: out + ScratchPool.path("a/b/../c%2F").description)) == Data("slashes".utf8))
        let omap = try Data(contentsOf: URL(fileURLWithPath: out + ScratchPool.path("index").description + "%omap"))
        #expect(
            omap.starts(
                with: Array("snappy-flow omap 1\n".utf8) + [0, 0, 0, 5] + Array("00000".utf8) + [0, 0, 0, 7] + Array("value 0".utf8)))
        let attribute = try await HostProgram.run([
            "getfattr", "--only-values", "-n", "user.rados.colour", out + ScratchPool.path("plain").description,
        ])
        #expect(attribute == "red")
    }

    @Test func aNamespaceAloneIsCopiedAndRestored() async throws {
        let (source, target) = (try await ScratchPool(), try await ScratchPool())
        try await source.fill()
        let stage = try stage(source, ["namespace": "site-7"])
        try await stage.run("copy", id: "copy", .systems(["objects"]), ["to": "vault"])
        try await restore(stage, to: target, ["namespace": "other"])
        #expect(try await target.rados("ls", "--all") == "other\tplain\n")
        #expect(try await target.rados("-N", "other", "get", "plain", "-") == "in a namespace")
        // Places of a namespace's copy are not those of a pool's.
        await #expect(throws: (any Error).self) { try await restore(stage, to: target) }
        #expect(try await target.rados("ls", "--all") == "other\tplain\n")
    }

    @Test func aSnapshotHasWhatWasRemovedSinceAndNothingNewer() async throws {
        let (source, target) = (try await ScratchPool(), try await ScratchPool())
        try await source.fill()
        let before = try await source.exported()
        let stage = try stage(source)
        try await stage.run("snapshot", id: "snapshot", .systems(["objects"]))
        for name in ["index", "binary", "large"] { try await source.rados("rm", name) }
        try await source.rados("-N", "site-7", "rm", "plain")
        try source.put("newer", Array("newer".utf8))
        try source.put("empty", Array("no more".utf8))
        try await source.rados("setomapval", "plain", "new", "key")
        try await source.rados("setxattr", "plain", "colour", "blue")
        let copy = try await stage.run(
            "copy", id: "copy", .systems(["objects"]), ["to": "vault"], snapshots: ["objects": "snapshot"])
        #expect(copy.missed.isEmpty, "\(copy.missed)")
        try await stage.undo("snapshot", id: "snapshot", .systems(["objects"]))
        #expect(try await source.rados("lssnap").contains("0 snaps"))
        try await restore(stage, to: target)
        #expect(try await target.exported() == before)
    }

    @Test func onlyWhatChangedIsReadAgain() async throws {
        let pool = try await ScratchPool()
        for number in 0..<40 { try pool.put("object \(number)", Array("the bytes of \(number)".utf8)) }
        try await pool.rados("setomapval", "object 7", "key", "value")
        // The time of an object is the client's, in whole seconds: long before the copies.
        let stage = try self.stage(pool)
        func round(_ number: Int) async throws -> [String: JSONValue] {
            try await stage.run("copy", id: StepID("copy-\(number)"), .systems(["objects"]), ["to": "vault"]).outputs
        }
        let first = try await round(1)
        #expect(first["filesNew"]?.intValue == 41, "\(first)")
        let second = try await round(2)
        #expect(second["filesUnmodified"]?.intValue == 41 && second["filesChanged"]?.intValue == 0, "\(second)")
        // Neither size nor second need differ; an omap's change is one of the object.
        try pool.put("object 3", Array("the BYTES of 3".utf8))
        try await pool.rados("setomapval", "object 7", "key", "VALUE")
        try await pool.rados("setxattr", "object 9", "colour", "blue")
        let third = try await round(3)
        #expect(third["filesChanged"]?.intValue == 4 && third["filesUnmodified"]?.intValue == 37, "\(third)")
    }

    @Test func whatIsThereIsReplacedOnlyWhenTold() async throws {
        let (source, target) = (try await ScratchPool(), try await ScratchPool())
        try await source.fill()
        let stage = try stage(source)
        try await stage.run("copy", id: "copy", .systems(["objects"]), ["to": "vault"])
        try target.put("plain", Array("something else".utf8))
        try await target.rados("setomapval", "plain", "stale", "1")
        try await target.rados("setxattr", "plain", "stale", "1")
        try await target.rados("setomapval", "index", "stale", "1")
        await #expect(throws: (any Error).self) { try await restore(stage, to: target) }
        #expect(try await target.rados("get", "plain", "-") == "something else")
        #expect(try await target.rados("listomapvals", "index").contains("stale"))
        try await restore(stage, to: target, overwrite: true)
        #expect(try await target.exported() == source.exported())
        // Once more, over what is there and the same: nothing is refused.
        try await target.rados("rm", "large")
        try await restore(stage, to: target)
        #expect(try await target.exported() == source.exported())
    }

    @Test func whatGoesWhileItIsReadIsMissedAndNamed() async throws {
        let pool = try await ScratchPool()
        try pool.put("gone", [UInt8](repeating: 7, count: 9 << 20))
        try pool.put("kept", [1, 2, 3])
        let view = PoolView(pool.pool)
        let reader = try PoolReader(view, namespace: nil, logicalPath: TreePath("pool"), readsAtOnce: 1)
        let file = try reader.open(ScratchPool.path("gone"))
        var buffer = [UInt8](repeating: 0, count: 4 << 20)
        #expect(try buffer.withUnsafeMutableBytes { try file.read(into: $0) } == 4 << 20)
        try await pool.rados("rm", "gone")
        let gone = #expect(throws: StorageError.self) { _ = try buffer.withUnsafeMutableBytes { try file.read(into: $0) } }
        #expect(gone?.kind == .notFound && gone?.location.contains("/gone") == true, "\(String(describing: gone))")
        #expect(try reader.list(TreePath(Array(ScratchPool.path("gone").parts.dropLast()))).entries.isEmpty)
        // A write while it is read, within the same second and of the same size, is seen.
        let kept = try reader.open(ScratchPool.path("kept"))
        let before = try kept.metadata()
        try pool.put("kept", [3, 2, 1])
        #expect(try kept.metadata().modified != before.modified)
    }

    /// A snapshot of ours would not hold back what RBD overwrites.
    @Test func aPoolWhoseClientsKeepSnapshotsIsNotPretendedToHaveOne() async throws {
        let pool = try await ScratchPool()
        try await HostProgram.run(["env", "CEPH_CONF=\(pool.ceph.configuration)", "rbd", "pool", "init", pool.name])
        let stage = try self.stage(pool)
        let refused = await #expect(throws: StorageError.self) { try await stage.run("snapshot", id: "s", .systems(["objects"])) }
        #expect(refused?.kind == .unsupported && refused?.advice.contains("ceph-rbd") == true, "\(String(describing: refused))")
        try await stage.undo("snapshot", id: "s", .systems(["objects"]))
        // Live it is copied all the same.
        let copy = try await stage.run("copy", id: "copy", .systems(["objects"]), ["to": "vault"])
        #expect(copy.missed.isEmpty)
    }

    @Test func whatIsNotThereIsSaid() async throws {
        let pool = try await ScratchPool()
        func error(_ settings: [String: JSONValue]) async throws -> StorageError? {
            let stage = try self.stage(pool, settings)
            return await #expect(throws: StorageError.self) {
                try await stage.run("copy", id: "c", .systems(["objects"]), ["to": "vault"])
            }
        }
        let nowhere = try await error(["pool": "nowhere"])
        #expect(nowhere?.kind == .notFound && nowhere?.location == "nowhere", "\(String(describing: nowhere))")
        let key = "\(pool.ceph.folder)/key-\(pool.name)"
        try "AQBn5XRnAAAAABAAx6vXm1Gy0VfNhDVYRAxC3A==".write(toFile: key, atomically: true, encoding: .utf8)
        let wrong = try await error(["key": ["fromFile": .string(key)]])
        #expect(wrong?.kind == .accessDenied && wrong?.retry == .permanent, "\(String(describing: wrong))")
        let dead = try await error([
            "configuration": "/dev/null", "monitors": "127.0.0.1:1", "timeout": "1s", "key": ["fromFile": .string(key)],
        ])
        #expect(dead?.kind == .unavailable && dead?.retry == .transient, "\(String(describing: dead))")
        // The snapshot went before its copy was made.
        let stage = try self.stage(pool)
        try await stage.run("snapshot", id: "s", .systems(["objects"]))
        for name in try await pool.rados("lssnap").split(separator: "\n").compactMap({ $0.split(separator: "\t").dropFirst().first }) {
            try await pool.rados("rmsnap", String(name))
        }
        let gone = await #expect(throws: StorageError.self) {
            try await stage.run("copy", id: "c", .systems(["objects"]), ["to": "vault"], snapshots: ["objects": "s"])
        }
        #expect(gone?.kind == .notFound && gone?.location.contains("@snappy-flow-") == true, "\(String(describing: gone))")
    }

    @Test func poolsAreDiscoveredAndIdentitiesTold() async throws {
        let pool = try await ScratchPool()
        let stage = try self.stage(pool)
        let (system, context) = try await stage.open("objects", as: (any Discovering).self)
        #expect(try await system.discover(context.system()).contains { $0.identity.hasSuffix(":\(pool.name)") })
        func identity(_ settings: [String: JSONValue]) throws -> String {
            try CephRadosType().identity(Settings(settings, origin: "system x"))
        }
        #expect(try identity(["pool": "p"]) == "ceph-rados:p")
        #expect(try identity(["pool": "p", "namespace": "", "monitors": "a:1, b:2"]) == "ceph-rados:a:1,b:2/p/@")
        #expect(CephRadosType().problems(in: Settings(["pool": "a/b"], origin: "x")).map(\.setting) == ["pool"])
    }
}

import Basics
import FlowModel
import Foundation
import Rigs
import StepKit
import StorageKit
import Testing
import Threads

@testable import CephSteps
@testable import Steps

/// What is written once a snapshot of a pool is there is not in it, whoever writes it.
@Suite struct PoolSnapshotTests {
    private static let old = Array("old".utf8)
    private static let new = Array("new".utf8)

    private func names(_ count: Int) -> [String] { (0..<count).map { "object \($0)" } }

    /// All at once, as many clients do.
    private func overwrite(_ names: [String], _ pool: ScratchPool, _ threads: BlockingPool) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for name in names { group.addTask { try await threads.run { try pool.put(name, Self.new) } } }
            try await group.waitForAll()
        }
    }

    private func expectOld(_ names: [String], _ pool: ScratchPool, _ snapshot: SystemSnapshot, _ round: Int) throws {
        let name = try #require(snapshot.state["snapshot"]?.stringValue)
        // The writer's own map may not have it yet.
        let reading = try pool.ceph.connect(pool: pool.name)
        let id = try #require(try reading.snapshotID(name))
        let reader = try PoolReader(
            PoolView(reading, snapshot: id), namespace: nil, logicalPath: TreePath("pool"), readsAtOnce: 1)
        let newer = try names.filter { try reader.bytes(of: ScratchPool.path($0)) != Self.old }
        #expect(newer.isEmpty, "round \(round): written after the snapshot, and seen in it")
    }

    /// The monitors know the snapshot, the OSD does not: it is held, and hears of it together with what is written then.
    @Test func anOSDThatHearsOfItLateHoldsItUp() async throws {
        let ceph = try await CephRig.apart()
        let pool = try await ScratchPool(in: ceph)
        let stage = try StepStage()
        try stage.declare(system: "objects", "ceph-rados", pool.settings)
        let (system, context) = try await stage.open("objects", as: (any Snapshotting).self)
        let (names, threads) = (names(16), BlockingPool(label: "writers", width: 16))
        for round in 0..<5 {
            for name in names { try pool.put(name, Self.old) }
            try ceph.holdOSD(0)
            let task = Task {
                let snapshot = try await system.snapshot(key: "k\(round)", context)
                try await overwrite(names, pool, threads)
                return snapshot
            }
            try await ceph.untilItHasSnapshot("snappy-flow-k\(round)", of: pool.name)
            // A client that hears of it from the monitors: if it were enough to have the map, the writes would be on their way by now.
            let other = try ceph.connect(pool: pool.name)
            #expect(try other.snapshotID("snappy-flow-k\(round)") != nil)
            try ceph.letOSDGoOn(0)
            try expectOld(names, pool, try await task.value, round)
        }
    }

    /// As it is met in life: a client of long standing, a machine that is busy.
    @Test(arguments: [1, 6, 32])
    func aClientWithAnOldMapWritesIntoNone(_ groups: Int) async throws {
        let pool = try await ScratchPool(placementGroups: groups)
        let stage = try StepStage()
        try stage.declare(system: "objects", "ceph-rados", pool.settings)
        let (system, context) = try await stage.open("objects", as: (any Snapshotting).self)
        let (names, threads) = (names(16), BlockingPool(label: "writers", width: 16))
        for round in 0..<20 {
            for name in names { try pool.put(name, Self.old) }
            let snapshot = try await system.snapshot(key: "k\(round)", context)
            try await overwrite(names, pool, threads)
            try expectOld(names, pool, snapshot, round)
            try await system.release(key: "k\(round)", context)
        }
    }

    /// An attempt that ended between the monitors' answer and the OSDs': the next one finds the snapshot, and has to wait for them as well.
    @Test func oneThatIsFoundIsWaitedForToo() async throws {
        let ceph = try await CephRig.apart()
        let pool = try await ScratchPool(in: ceph)
        let stage = try StepStage()
        try stage.declare(system: "objects", "ceph-rados", pool.settings)
        let (system, context) = try await stage.open("objects", as: (any Snapshotting).self)
        let (names, threads) = (names(16), BlockingPool(label: "writers", width: 16))
        for round in 0..<5 {
            for name in names { try pool.put(name, Self.old) }
            try ceph.holdOSD(0)
            let other = try ceph.connect(pool: pool.name)
            try other.takeSnapshot("snappy-flow-k\(round)")
            let task = Task {
                let snapshot = try #require(try await system.find(key: "k\(round)", context))
                try await overwrite(names, pool, threads)
                return snapshot
            }
            #expect(try await system.find(key: "none", context) == nil)
            try ceph.letOSDGoOn(0)
            try expectOld(names, pool, try await task.value, round)
        }
    }

    /// Where a part of the pool does not answer there is no snapshot that anybody could rely on.
    @Test func aPoolThatDoesNotAnswerHasNone() async throws {
        let ceph = try await CephRig.apart()
        let pool = try await ScratchPool(in: ceph)
        let stage = try StepStage()
        try stage.declare(system: "objects", "ceph-rados", pool.settings.merging(["timeout": "2s"]) { $1 })
        let (system, context) = try await stage.open("objects", as: (any Snapshotting).self)
        try ceph.holdOSD(0)
        let error = await #expect(throws: StorageError.self) { _ = try await system.snapshot(key: "k", context) }
        #expect(error?.kind == .unavailable && error?.retry == .transient, "\(String(describing: error))")
        try ceph.letOSDGoOn(0)
        #expect(try await system.snapshot(key: "k", context).key == "k")
    }

    /// A key for one namespace is enough for a system that is one.
    @Test func whoMayReadANamespaceTakesASnapshotForIt() async throws {
        let pool = try await ScratchPool()
        try pool.put("a", Self.old)
        let user = "only\(UInt32.random(in: .min ... .max))"
        try await pool.ceph.run(
            "ceph", "auth", "get-or-create", "client.\(user)", "mon", "allow rw", "osd", "allow r pool=\(pool.name) namespace=site")
        let key = try await pool.ceph.run("ceph", "auth", "print-key", "client.\(user)")
        let file = "\(pool.ceph.folder)/key-\(user)"
        try key.write(toFile: file, atomically: true, encoding: .utf8)
        let stage = try StepStage()
        let own: [String: JSONValue] = ["user": .string(user), "key": ["fromFile": .string(file)]]
        try stage.declare(system: "one", "ceph-rados", pool.settings.merging(own) { $1 }.merging(["namespace": "site"]) { $1 })
        try stage.declare(system: "all", "ceph-rados", pool.settings.merging(own) { $1 })
        let (one, context) = try await stage.open("one", as: (any Snapshotting).self)
        #expect(try await one.snapshot(key: "k", context).key == "k")
        let (all, other) = try await stage.open("all", as: (any Snapshotting).self)
        let refused = await #expect(throws: StorageError.self) { _ = try await all.snapshot(key: "all", other) }
        #expect(refused?.kind == .accessDenied, "\(String(describing: refused))")
    }
}

extension CephRig {
    /// Waits until the monitors have the pool's snapshot in their map; nothing is asked of an OSD.
    fileprivate func untilItHasSnapshot(_ snapshot: String, of pool: String) async throws {
        try await eventually("the monitors know \(snapshot)") { try await run("ceph", "osd", "dump").contains("'\(snapshot)'") }
    }
}

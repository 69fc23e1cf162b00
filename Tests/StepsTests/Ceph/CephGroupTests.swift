import Basics
import FlowModel
import Foundation
import Repository
import Rigs
import StepKit
import StorageKit
import Synchronization
import Testing
import Threads

@testable import CephSteps
@testable import Steps

/// Several images held in one instant.
@Suite struct CephGroupTests {
    private let names = ["data", "log"]

    private func stage(_ images: [ScratchImage]) throws -> StepStage {
        let stage = try StepStage()
        stage.declare(repository: "vault")
        for (name, image) in zip(names, images) { try stage.declare(system: name, "ceph-rbd", image.settings) }
        return stage
    }

    private func snapshot(_ stage: StepStage, _ number: Int) async throws {
        try await stage.run("snapshot", id: StepID("snapshot-\(number)"), .systems(names), ["group": true])
    }

    /// Copies both, and keeps the bases.
    private func copy(_ stage: StepStage, _ number: Int) async throws -> [StepResult] {
        var results: [StepResult] = []
        for name in names {
            results.append(
                try await stage.run(
                    "copy", id: StepID("copy-\(name)-\(number)"), .systems([name]), ["to": "vault"],
                    snapshots: [name: StepID("snapshot-\(number)")]))
        }
        stage.recorder.set(bases: results.flatMap(\.bases))
        return results
    }

    private func groups() async throws -> [Substring] { try await CephRig.running().run("rbd", "group", "ls").split(separator: "\n") }

    /// What is written to the second only after the first has it can't be in its copy alone.
    @Test func aWriterOfBothIsCaughtInOneInstant() async throws {
        let images = [try await ScratchImage(size: 8 << 20), try await ScratchImage(size: 8 << 20)]
        let stage = try stage(images)
        let isOver = Mutex(false)
        let writer = Task {
            try await BlockingPool(label: "guest", width: 1).run {
                let open = try images.map { try $0.open() }
                var number: UInt64 = 0
                while !isOver.withLock({ $0 }) {
                    number += 1
                    for image in open { try withUnsafeBytes(of: number.littleEndian) { try image.write($0, at: 4096) } }
                }
                return number
            }
        }
        defer { isOver.withLock { $0 = true } }
        for round in 1...3 {
            try await snapshot(stage, round)
            _ = try await copy(stage, round)
        }
        isOver.withLock { $0 = true }
        #expect(try await writer.value > 10)
        let repository = try await stage.store("vault")
        var caught: [String: [UInt64]] = [:]
        for snapshot in try await repository.snapshotList().snapshots.sorted(by: { $0.time < $1.time }) {
            let name = try #require(names.first { snapshot.tags.contains("system:\($0)") })
            try stage.declare(
                system: "back", "ceph-rbd",
                images[0].settings.merging(["image": .string("back\(UInt32.random(in: .min ... .max))")]) { $1 })
            let id = StepID("restore-\(snapshot.id.prefix(8))")
            try await stage.run("restore", id: id, .snapshot(String(snapshot.id)), ["from": "vault", "to": "back"])
            let bytes = try await ScratchImage(named: try stage.image(of: "back")).bytes()
            caught[name, default: []].append((0..<8).reduce(0) { $0 | UInt64(bytes[4096 + $1]) << UInt64(8 * $1) })
        }
        let (first, second) = (try #require(caught["data"]), try #require(caught["log"]))
        #expect(first.count == 3 && second.count == 3)
        for (one, other) in zip(first, second) { #expect(one == other || one == other + 1, "\(first) \(second)") }
        #expect(first == first.sorted())
    }

    @Test func anIncrementReadsWhatChangedAndNothingIsLeftBehind() async throws {
        let images = [try await ScratchImage(size: 32 << 20), try await ScratchImage(size: 32 << 20)]
        let stage = try stage(images)
        for (seed, image) in images.enumerated() {
            try image.write([UInt8](repeating: UInt8(seed + 1), count: 20 << 20), at: 1 << 20)
        }
        try await snapshot(stage, 1)
        // Asked again after a crash, it is the same.
        try await snapshot(stage, 1)
        let first = try await copy(stage, 1)
        #expect(first.allSatisfy { $0.outputs["extentsReused"] == 0 })
        try images[1].write([UInt8](repeating: 9, count: 5000), at: 9 << 20)
        try await snapshot(stage, 2)
        let second = try await copy(stage, 2)
        #expect(second[0].outputs["extentsRead"] == 0, "\(second[0].outputs)")
        #expect(second[1].outputs["extentsRead"] == 1, "\(second[1].outputs)")
        #expect(stage.recorder.lines.filter { $0.contains("read in full") }.isEmpty)
        for number in 1...2 {
            try await stage.undo("snapshot", id: StepID("snapshot-\(number)"), .systems(names), ["group": true])
        }
        for image in images { #expect(try image.open().snapshots().isEmpty) }
        let id = try images[0].open().id()
        #expect(try await groups().filter { $0.hasSuffix(".\(id)") }.isEmpty)
    }

    /// Half of a group is none: what one attempt took alone is taken anew with the others.
    @Test func whatWasTakenAloneIsTakenAnew() async throws {
        let images = [try await ScratchImage(size: 8 << 20), try await ScratchImage(size: 8 << 20)]
        let stage = try stage(images)
        try images[0].open().takeSnapshot("snappy-flow-sf-snapshot-1-0")
        let alone = try images[0].open().snapshots()["snappy-flow-sf-snapshot-1-0"]
        try await snapshot(stage, 1)
        #expect(try images[0].open().snapshots()["snappy-flow-sf-snapshot-1-0"] != alone)
        try await stage.undo("snapshot", id: "snapshot-1", .systems(names), ["group": true])
        #expect(try images[0].open().snapshots().isEmpty)
    }

    /// A group that the site has made is used, and stays.
    @Test func aGroupThatIsThereIsUsed() async throws {
        let images = [try await ScratchImage(size: 8 << 20), try await ScratchImage(size: 8 << 20)]
        let (ceph, group) = (images[0].ceph, "site\(UInt32.random(in: .min ... .max))")
        try await ceph.run("rbd", "group", "create", group)
        try await ceph.run("rbd", "group", "image", "add", group, images[0].name)
        let stage = try stage(images)
        let mixed = await #expect(throws: StorageError.self) { try await snapshot(stage, 1) }
        #expect(mixed?.advice.contains("group") == true && mixed?.retry == .permanent, "\(String(describing: mixed))")
        try await stage.undo("snapshot", id: "snapshot-1", .systems(names), ["group": true])
        try await ceph.run("rbd", "group", "image", "add", group, images[1].name)
        try await snapshot(stage, 2)
        #expect(try await ceph.run("rbd", "group", "snap", "ls", group).contains("snappy-flow-sf-snapshot-2"))
        _ = try await copy(stage, 2)
        try await stage.undo("snapshot", id: "snapshot-2", .systems(names), ["group": true])
        #expect(try await ceph.run("rbd", "group", "snap", "ls", group).isEmpty)
        #expect(try await groups().contains(Substring(group)))
    }

    @Test func systemsThatCannotBeHeldTogetherAreRefused() async throws {
        let image = try await ScratchImage(size: 8 << 20)
        let stage = try StepStage()
        try stage.declare(system: "data", "ceph-rbd", image.settings)
        try stage.declare(system: "log", "directory", ["path": .string(stage.folder.path), "staging": "1MiB"])
        let error = await #expect(throws: StepError.self) { try await snapshot(stage, 1) }
        #expect(
            error?.expected.contains("ceph-rbd") == true && error?.advice.contains("quiesce") == true, "\(String(describing: error))")
    }
}

extension StepStage {
    /// The image that a declared system is.
    fileprivate func image(of system: String) throws -> String {
        guard let name = settings(of: system)["image"]?.stringValue else { throw StageError(text: "\(system) is no image") }
        return name
    }
}

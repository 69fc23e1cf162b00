import Crypto
import Basics
import Foundation
import Rigs
import StorageKit
import Testing

@testable import Repository

/// Random damage, then commands in random order. Whatever could be restored before a command can be restored after it; what can't is named by a check.
@Suite struct RepairModelTests {
    /// The same sequence for the same seed.
    private struct Dice: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    private static let cases: UInt64 = 24

    @Test func noCommandMakesItWorse() async throws {
        let template = try await Spoiled.template()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for seed in 0..<Self.cases {
                if seed >= 6 { try await group.next() }
                group.addTask { try await play(seed, template) }
            }
            try await group.waitForAll()
        }
    }

    private func play(_ seed: UInt64, _ template: Bench) async throws {
        var dice = Dice(state: seed)
        let spoiled = try await Spoiled(template)
        var history: [String] = []
        for _ in 0..<Int.random(in: 1...3, using: &dice) { history.append(try await spoil(spoiled, &dice)) }
        // One lock for all of it: to take one takes a fifth of a second.
        let steps = (0..<Int.random(in: 3...5, using: &dice)).map { _ in UInt64.random(in: 0...UInt64.max, using: &dice) }
        let damage = history
        try await spoiled.repository.withLock(.exclusive) { _ in
            var (before, history) = (try await spoiled.restorable(), damage)
            for step in steps {
                var dice = Dice(state: step)
                history.append(try await command(spoiled, &dice))
                let after = try await spoiled.restorable()
                let worse = before.filter { after[$0.key] != $0.value }.keys.sorted()
                #expect(worse.isEmpty, "seed \(seed): \(history.joined(separator: ", ")) lost \(worse)")
                before = after
            }
            try await expectLossesAreNamed(spoiled, "seed \(seed): \(history.joined(separator: ", "))")
        }
        if seed % 10 == 0 { try await judge(spoiled, template) }
    }

    // MARK: damage

    private func spoil(_ spoiled: Spoiled, _ dice: inout Dice) async throws -> String {
        let packs = try await spoiled.ids(ObjectNames.data)
        let indexes = try await spoiled.ids(ObjectNames.index)
        let snapshots = try await spoiled.ids(ObjectNames.snapshots)
        guard packs.count > 1, let one = packs.randomElement(using: &dice), let other = packs.randomElement(using: &dice),
            let index = indexes.randomElement(using: &dice), let snapshot = snapshots.randomElement(using: &dice)
        else { return "nothing" }
        let (pack, indexName) = (ObjectNames.pack(one), ObjectName(ObjectNames.index + index.hex))
        func flip(_ name: ObjectName, _ dice: inout Dice) throws {
            let place = Int.random(in: 0...1 << 20, using: &dice)
            try spoiled.change(name) { if !$0.isEmpty { $0[place % $0.count] ^= 0x10 } }
        }
        switch Int.random(in: 0..<12, using: &dice) {
        case 0:
            try spoiled.change(pack) { $0 += [7, 7, 7, 7, 7] }
            return "append \(one.hex.prefix(4))"
        case 1:
            let count = try spoiled.headerBytes(pack)
            try spoiled.change(pack) { $0.removeLast(min(count, $0.count)) }
            return "header off \(one.hex.prefix(4))"
        case 2:
            let share = Int.random(in: 1...9, using: &dice)
            try spoiled.change(pack) { $0.removeLast($0.count * share / 10) }
            return "cut \(one.hex.prefix(4)) by \(share)0%"
        case 3, 4:
            try flip(pack, &dice)
            return "flip \(one.hex.prefix(4))"
        case 5:
            try spoiled.remove(pack)
            return "remove \(one.hex.prefix(4))"
        case 6:
            try spoiled.swap(pack, ObjectNames.pack(other))
            return "swap \(one.hex.prefix(4)) \(other.hex.prefix(4))"
        case 7:
            let twin = ObjectNames.pack(SHA256.digest(Array("twin of \(one)".utf8)))
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: spoiled.path(pack))))
            try await spoiled.store.put(twin, bytes)
            return "twin of \(one.hex.prefix(4))"
        case 8:
            try spoiled.remove(indexName)
            return "remove index"
        case 9:
            try flip(indexName, &dice)
            return "flip index"
        case 10:
            // Another program's index, well made and wrong: places that are shifted by one.
            guard var lie = try? await spoiled.packs().first(where: { $0.id == one }) else { return "nothing" }
            for blob in lie.blobs.indices.dropFirst(Int.random(in: 0...1, using: &dice)) { lie.blobs[blob].offset += 1 }
            try await spoiled.repository.files.save(ObjectNames.index, IndexFile(packs: [lie]).encoded)
            return "lie of \(one.hex.prefix(4))"
        default:
            let name = ObjectName(ObjectNames.snapshots + snapshot.hex)
            if snapshots.count > 2 { try spoiled.remove(name) } else { try flip(name, &dice) }
            return "spoil snapshot"
        }
    }

    // MARK: commands

    /// Refusing is as good as doing: what a command says is not looked at here.
    private func command(_ spoiled: Spoiled, _ dice: inout Dice) async throws -> String {
        let repository = spoiled.repository
        let (choice, coin) = (Int.random(in: 0..<6, using: &dice), Bool.random(using: &dice))
        let any = try await spoiled.ids(ObjectNames.data).randomElement(using: &dice)
        func refused(_ name: String, _ body: () async throws -> Void) async throws -> String {
            do { try await body() } catch let error as any ExplainedError { return "\(name) refused (\(error.code))" }
            return name
        }
        switch choice {
        case 0: return try await refused("check") { _ = try await repository.check(CheckOptions(read: .all)) }
        case 1: return try await refused("index\(coin ? " all" : "")") { _ = try await repository.repairIndex(readingEveryPack: coin) }
        case 2:
            return try await refused("packs") {
                let damaged = try await repository.check(CheckOptions(read: .all)).damagedPacks
                let chosen = coin ? damaged : damaged.union([any?.hex].compactMap { $0 })
                if !chosen.isEmpty { _ = try await repository.repairPacks(chosen.sorted()) }
            }
        case 3:
            return try await refused("snapshots\(coin ? " forget" : "")") {
                _ = try await repository.repairSnapshots(try await repository.snapshots(), forget: coin)
            }
        case 4: return try await refused("prune") { _ = try await repository.prune(PruneOptions(maximumUnused: nil)) }
        default:
            return try await refused("copy") {
                let other = try await Repository.create(on: LocalStore(path: spoiled.folder(UUID().uuidString)), password: [1])
                _ = try await repository.copy(try await repository.snapshots(), to: other)
                #expect(try await other.check(CheckOptions(read: .all)).isSound)
            }
        }
    }

    // MARK: judging

    /// The paths that a check names are those that a restore does not bring back.
    private func expectLossesAreNamed(_ spoiled: Spoiled, _ history: String) async throws {
        for snapshot in try await spoiled.repository.snapshots() {
            let check = try await spoiled.repository.check(CheckOptions(snapshot: snapshot, read: .all))
            let target = try Folder()
            do {
                let report = try await spoiled.repository.restore(snapshot, to: FolderWriter(target("out")), RestoreOptions(lock: false))
                #expect(Set(report.failures.map(\.path)) == Set(check.damagedPaths), "\(history)")
                if !report.failures.isEmpty { #expect(!check.isSound, "\(history)") }
            } catch is any ExplainedError { #expect(!check.isSound, "\(history)") }
        }
    }

    /// Every repair in the order of the documentation: then stock restic has nothing to say.
    private func judge(_ spoiled: Spoiled, _ template: Bench) async throws {
        let repository = spoiled.repository
        _ = try await repository.repairIndex(readingEveryPack: true)
        let damaged = try await repository.check(CheckOptions(read: .all)).damagedPacks
        if !damaged.isEmpty { _ = try await repository.repairPacks(damaged.sorted()) }
        for error in try await repository.snapshotList().damaged {
            try spoiled.remove(ObjectName(ObjectNames.snapshots + String(error.location.suffix(64))))
        }
        _ = try await repository.repairSnapshots(try await repository.snapshots(), forget: true)
        try await ResticRig(repository: spoiled.folder("repo"), password: Bench.password, cache: spoiled.folder("cache"))
            .succeed("check", "--read-data")
    }
}

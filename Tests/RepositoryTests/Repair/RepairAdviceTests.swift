import Crypto
import Basics
import Foundation
import Rigs
import StorageKit
import Testing

@testable import Repository

/// Who does what the errors say gets to an end: a sound repository, of which nothing went that was whole.
@Suite struct RepairAdviceTests {
    private enum Step: Hashable {
        case index
        case packs(String)
        case snapshots

        /// The first command that an advice names; nil where none of ours helps.
        init?(_ advice: String) {
            let command = advice.components(separatedBy: "`snappy-flow repository repair ").dropFirst().first?.prefix { $0 != "`" } ?? ""
            let words = command.split(separator: " ")
            switch words.first {
            case "index": self = .index
            case "packs": self = .packs(String(words[1]))
            case "snapshots": self = .snapshots
            default: return nil
            }
        }

        func run(on repository: Repository) async throws {
            switch self {
            case .index: _ = try await repository.repairIndex()
            case .packs(let id): _ = try await repository.repairPacks([id])
            case .snapshots: _ = try await repository.repairSnapshots(try await repository.snapshots(), forget: true)
            }
        }
    }

    private enum Damage: String, CaseIterable {
        case headers, halfPack, flippedBlob, missingPack, missingIndex, flippedIndex, lyingIndex, swapped, everything
    }

    private func spoil(_ spoiled: Spoiled, _ damage: Damage) async throws {
        let packs = try await spoiled.packs()
        let data = packs.filter { $0.blobs.contains { $0.key.kind == .data } }.map { ObjectNames.pack($0.id) }
        let trees = packs.filter { $0.blobs.contains { $0.key.kind == .tree } }.map { ObjectNames.pack($0.id) }
        let index = ObjectName(ObjectNames.index + (try await spoiled.ids(ObjectNames.index))[0].hex)
        switch damage {
        case .headers:
            try spoiled.change(data[0]) { $0 += [1] }
            let header = try spoiled.headerBytes(trees[0])
            try spoiled.change(trees[0]) { $0.removeLast(header) }
        case .halfPack: for name in [data[1], trees[1]] { try spoiled.change(name) { $0.removeLast($0.count / 2) } }
        case .flippedBlob: for name in [data[1], trees[1]] { try spoiled.change(name) { $0[40] ^= 1 } }
        case .missingPack: for name in [data[2], trees[2]] { try spoiled.remove(name) }
        case .missingIndex: try spoiled.remove(index)
        case .flippedIndex: try spoiled.change(index) { $0[40] ^= 1 }
        case .lyingIndex:
            var lie = try #require(packs.first { $0.blobs.count > 2 })
            for blob in lie.blobs.indices { lie.blobs[blob].offset += 1 }
            try await spoiled.repository.files.save(ObjectNames.index, IndexFile(packs: [lie]).encoded)
        case .swapped: try spoiled.swap(data[0], data[3])
        case .everything: for part in Damage.allCases where part != .everything { try? await spoil(spoiled, part) }
        }
    }

    @Test func adviceEndsInASoundRepository() async throws {
        let template = try await Spoiled.template()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for damage in Damage.allCases { group.addTask { try await follow(damage, template) } }
            try await group.waitForAll()
        }
    }

    private func follow(_ damage: Damage, _ template: Bench) async throws {
        let spoiled = try await Spoiled(template)
        try await spoil(spoiled, damage)
        let before = (try? await spoiled.restorable()) ?? [:]
        var steps: [Step] = []
        try await spoiled.repository.withLock(.exclusive) { _ in
            for _ in 0..<24 {
                let report = try await spoiled.repository.check(CheckOptions(read: .all))
                guard let problem = report.problems.first(where: { $0.severity == .damage }) else { return }
                var next = Step(problem.error.advice)
                // A step that another one must come before says which.
                for _ in 0..<3 {
                    guard let step = next else { break }
                    steps.append(step)
                    do {
                        try await step.run(on: spoiled.repository)
                        break
                    } catch let error as any ExplainedError { next = Step(error.advice) }
                }
                guard next != nil else { break }
            }
            Issue.record("\(damage): \(steps) led nowhere")
        }
        let after = try await spoiled.restorable()
        #expect(before.allSatisfy { after[$0.key] == $0.value }, "\(damage): \(steps)")
        if [.headers, .missingIndex, .flippedIndex, .lyingIndex, .swapped].contains(damage) {
            #expect(after == (try await Spoiled(template).restorable()), "\(damage): \(steps)")
        }
    }
}

import Basics
import FlowModel
import StepKit
import StorageKit
import Testing
import Threads

@testable import Steps

extension SystemCheck {
    /// What every system of several parts promises.
    static let partSource: [SystemCheck] = [
        SystemCheck("its parts are those that its type says", [.partSource]) { bench in
            let type = try #require(Catalog.hosted.system(bench.type))
            #expect(type.views.contains(.parts))
            let system = try await bench.open(as: (any PartSource).self)
            #expect(system.logicalPath.parts.first?.description == bench.type && system.logicalPath.parts.count > 1)
            let views = try await system.withParts(of: nil, bench.context) { parts in
                parts.map { part -> (String, SystemView) in
                    if case .image = part.content { (part.name.description, .image) } else { (part.name.description, .tree) }
                }
            }
            #expect(Dictionary(uniqueKeysWithValues: views) == type.parts(bench.declared) && views.count > 1)
        },
        SystemCheck("a snapshot stays what it was", [.partSource, .snapshotting]) { bench in
            let system = try await bench.open(as: (any PartSource & Snapshotting).self)
            let before = try await system.withParts(of: nil, bench.context, content)
            #expect(before.count > 1)
            let snapshot = try await system.snapshot(key: "k", bench.context)
            for file in bench.sample.partFiles { try bench.sample.write("something else, and shorter than it was", to: file) }
            let other = try await bench.open(as: (any PartSource).self)
            #expect(try await other.withParts(of: snapshot, bench.context, content) == before)
            #expect(try await other.withParts(of: nil, bench.context, content) != before)
            try await system.release(key: "k", bench.context)
        },
    ]

    /// What each part holds, by name.
    @Sendable private static func content(of parts: [OpenPart]) async throws -> [String: String] {
        try await BlockingPool(label: "reading", width: 1).run {
            var content: [String: String] = [:]
            for part in parts {
                switch part.content {
                case .image(let image): content[part.name.description] = String(decoding: try image.bytes(0..<image.size), as: UTF8.self)
                case .tree(let tree):
                    for (path, text) in try tree.allFiles() { content["\(part.name)/\(path)"] = text }
                }
            }
            return content
        }
    }
}

import Basics
import Foundation
import Rigs
import StepKit
import StorageKit
import Testing
import Threads

@testable import Steps

extension SystemCheck {
    /// What every system promises that completes the copies of its window.
    static let completing: [SystemCheck] = [
        SystemCheck("the tree of its window is completed and any other stays as it is", [.completing]) { bench in
            #expect(Catalog.hosted.system(bench.type)?.thawCompletesCopies == true)
            let system = try await bench.open(as: (any TreeCompleting).self)
            _ = try await system.quiesce(key: "k", maxHold: .seconds(30), bench.context)
            let window = try bench.sample.window
            let (folder, added, kept) = (window.folder, window.added, window.kept)
            let thawed = try await system.thaw(key: "k", state: [:], bench.context)
            #expect(!thawed.isEmpty)
            // In another process, with what was recorded.
            let other = try await bench.open(as: (any TreeCompleting).self)
            let plain = try FolderReader(path: folder)
            let tree = try await other.completing(plain, thawed: thawed, bench.context)
            #expect(tree.logicalPath == plain.logicalPath)
            try await read {
                let names = try tree.list(TreePath()).entries.map(\.name)
                #expect(names == names.sorted() && added.isSubset(of: names) && names.contains(kept.parts[0]))
                #expect(try added.isDisjoint(with: plain.list(TreePath()).entries.map(\.name)))
                for entry in try tree.list(TreePath()).entries {
                    #expect(try tree.metadata(of: TreePath([entry.name])).kind == entry.metadata.kind, "\(entry.name)")
                }
                for name in added { #expect(try tree.bytes(of: TreePath([name])).count == Int(tree.metadata(of: TreePath([name])).size)) }
                #expect(try tree.bytes(of: kept) == plain.bytes(of: kept))
                let missing = #expect(throws: StorageError.self) { try tree.bytes(of: TreePath("no/such")) }
                #expect(missing?.kind == .notFound, "\(String(describing: missing))")
                try tree.confirm()
            }
            try CommandSample.write("of nobody's", to: bench.folder.file("elsewhere/file"))
            let elsewhere = try await other.completing(FolderReader(path: bench.folder.file("elsewhere")), thawed: thawed, bench.context)
            #expect(try await read { try elsewhere.allFiles() } == ["file": "of nobody's"])
            // A thaw that said nothing is no thaw of this freeze.
            await #expect(throws: (any Error).self) { _ = try await other.completing(plain, thawed: [:], bench.context) }
            for _ in 0..<2 { try await other.completed(thawed: thawed, bench.context) }
            try await system.completed(thawed: thawed, bench.context)
        }
    ]

    private static func read<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await BlockingPool(label: "reading", width: 1).run(body)
    }
}

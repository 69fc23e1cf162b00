import Basics
import StepKit
import StorageKit
import Testing

extension SystemCheck {
    /// What every tree source promises.
    static let treeSource: [SystemCheck] = [
        SystemCheck("every file is read to its end", [.treeSource]) { bench in
            let files = try await bench.read { try $0.allFiles() }
            #expect(Set(files.keys) == Set(bench.sample.content.keys))
            for (path, text) in bench.sample.content { if let text { #expect(files[path] == text) } }
        },
        SystemCheck("listings are sorted and agree with metadata", [.treeSource]) { bench in
            try await bench.read { reader in
                #expect(try reader.metadata(of: TreePath()).kind == .directory)
                #expect(!reader.logicalPath.parts.isEmpty)
                let listing = try reader.list(TreePath())
                #expect(listing.failures.isEmpty)
                #expect(listing.entries.map(\.name) == listing.entries.map(\.name).sorted())
                for entry in listing.entries {
                    #expect(try reader.metadata(of: TreePath([entry.name])).kind == entry.metadata.kind)
                }
            }
        },
        SystemCheck("what is missing is not found", [.treeSource]) { bench in
            try await bench.read { reader in
                for call in [{ _ = try reader.open(TreePath("no/such")) }, { _ = try reader.metadata(of: TreePath("no")) }] {
                    let error = #expect(throws: StorageError.self) { try call() }
                    #expect(error?.kind == .notFound)
                }
            }
        },
        SystemCheck("another opening records the same path", [.treeSource]) { bench in
            let first = try await bench.read { $0.logicalPath }
            let second = try await bench.read { $0.logicalPath }
            #expect(first == second)
        },
    ]
}

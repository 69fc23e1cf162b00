import Basics
import StepKit
import StorageKit
import Testing

/// What every tree source promises.
@Suite struct TreeSourceTests {
    @Test(arguments: SystemSample.all(with: .treeSource))
    func everyFileIsReadToItsEnd(_ sample: SystemSample) async throws {
        let bench = try await SampleBench(sample)
        let files = try await bench.read { try $0.allFiles() }
        #expect(Set(files.keys) == Set(bench.content.keys))
        for (path, text) in bench.content { if let text { #expect(files[path] == text) } }
    }

    @Test(arguments: SystemSample.all(with: .treeSource))
    func listingsAreSortedAndAgreeWithMetadata(_ sample: SystemSample) async throws {
        let bench = try await SampleBench(sample)
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
    }

    @Test(arguments: SystemSample.all(with: .treeSource))
    func whatIsMissingIsNotFound(_ sample: SystemSample) async throws {
        let bench = try await SampleBench(sample)
        try await bench.read { reader in
            for call in [{ _ = try reader.open(TreePath("no/such")) }, { _ = try reader.metadata(of: TreePath("no")) }] {
                let error = #expect(throws: StorageError.self) { try call() }
                #expect(error?.kind == .notFound)
            }
        }
    }

    @Test(arguments: SystemSample.all(with: .treeSource))
    func anotherOpeningRecordsTheSamePath(_ sample: SystemSample) async throws {
        let bench = try await SampleBench(sample)
        let first = try await bench.read { $0.logicalPath }
        let second = try await bench.read { $0.logicalPath }
        #expect(first == second)
    }
}

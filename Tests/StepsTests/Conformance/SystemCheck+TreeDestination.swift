import StepKit
import StorageKit
import Threads
import Testing

/// What every tree destination promises.
@Suite struct TreeDestinationTests {
    /// Writes the end first and leaves a hole in front: ranges come in any order.
    private func restore(_ bench: SampleBench, overwrite: Bool, text: String, failing: Bool = false) async throws {
        let place = bench.restoredFile
        try await bench.openTarget().withTreeWriter(overwrite: overwrite, bench.context) { writer in
            // On a thread of its own, as a restore does.
            try await BlockingPool(label: "restoring", width: 1).run { try Self.write(place, text, failing, to: writer) }
        }
    }

    private static func write(_ place: TreePath, _ text: String, _ failing: Bool, to writer: any TreeWriter) throws {
        try writer.makeDirectory(TreePath(Array(place.parts.dropLast())))
        let bytes = Array(text.utf8)
        let half = bytes.count / 2
        let file = try writer.createFile(place, size: Int64(bytes.count + 8192))
        do {
            try bytes[half...].withUnsafeBytes { try file.write($0, at: Int64(8192 + half)) }
            try bytes[..<half].withUnsafeBytes { try file.write($0, at: 8192) }
            if failing { throw StageError(text: "the repository is damaged") }
        } catch {
            file.abandon()
            throw error
        }
        try file.finish()
    }

    private func expected(_ text: String) -> [UInt8] { [UInt8](repeating: 0, count: 8192) + Array(text.utf8) }

    @Test(arguments: SystemSample.all(with: .treeDestination))
    func rangesInAnyOrderMakeTheWholeFile(_ sample: SystemSample) async throws {
        let bench = try await SampleBench(sample)
        try await restore(bench, overwrite: false, text: "the whole text")
        #expect(bench.received == expected("the whole text"))
    }

    @Test(arguments: SystemSample.all(with: .treeDestination))
    func whatIsThereIsReplacedOnlyWhenAllowed(_ sample: SystemSample) async throws {
        let bench = try await SampleBench(sample)
        try await restore(bench, overwrite: false, text: "first")
        await #expect(throws: (any Error).self) { try await restore(bench, overwrite: false, text: "second") }
        #expect(bench.received == expected("first"))
        try await restore(bench, overwrite: true, text: "third")
        #expect(bench.received == expected("third"))
    }

    @Test(arguments: SystemSample.all(with: .treeDestination))
    func aFailedRestoreLeavesNothingHalfWritten(_ sample: SystemSample) async throws {
        let bench = try await SampleBench(sample)
        await #expect(throws: StageError.self) { try await restore(bench, overwrite: false, text: "half", failing: true) }
        #expect(bench.received == nil)
        try await restore(bench, overwrite: false, text: "whole")
        #expect(bench.received == expected("whole"))
    }
}

import StepKit
import StorageKit
import Threads
import Testing

extension SystemCheck {
    /// What every tree destination promises.
    static let treeDestination: [SystemCheck] = [
        SystemCheck("ranges in any order make the whole file", [.treeDestination]) { bench in
            try await restore(bench, overwrite: false, text: "the whole text")
            #expect(bench.sample.received == expected("the whole text"))
        },
        SystemCheck("what is there is replaced only when allowed", [.treeDestination]) { bench in
            try await restore(bench, overwrite: false, text: "first")
            await #expect(throws: (any Error).self) { try await restore(bench, overwrite: false, text: "second") }
            #expect(bench.sample.received == expected("first"))
            try await restore(bench, overwrite: true, text: "third")
            #expect(bench.sample.received == expected("third"))
        },
        SystemCheck("a failed restore leaves nothing half written", [.treeDestination]) { bench in
            await #expect(throws: StageError.self) { try await restore(bench, overwrite: false, text: "half", failing: true) }
            #expect(bench.sample.received == nil)
            try await restore(bench, overwrite: false, text: "whole")
            #expect(bench.sample.received == expected("whole"))
        },
    ]
}

extension SystemCheck {
    /// Writes the end first and leaves a hole in front: ranges come in any order.
    private static func restore(_ bench: SampleBench, overwrite: Bool, text: String, failing: Bool = false) async throws {
        let place = bench.sample.restoredFile
        try await bench.openTarget().withTreeWriter(overwrite: overwrite, bench.context) { writer in
            // On a thread of its own, as a restore does.
            try await BlockingPool(label: "restoring", width: 1).run { try write(place, text, failing, to: writer) }
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

    private static func expected(_ text: String) -> [UInt8] { [UInt8](repeating: 0, count: 8192) + Array(text.utf8) }
}

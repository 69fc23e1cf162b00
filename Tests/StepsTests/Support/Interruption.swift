import Basics
import Foundation
import StepKit
import StorageKit
import Synchronization
import Threads

/// Something that happens once, exactly in the middle of a copy: when so many reads of the source have begun.
final class Interruption: Sendable {
    private let after: Int
    private let action: @Sendable () throws -> Void
    private let begun = Atomic(0)
    private let happened = DispatchSemaphore(value: 0)

    init(after reads: Int, _ action: @escaping @Sendable () throws -> Void) { (after, self.action) = (reads, action) }

    /// A read begins.
    func pass() throws {
        guard begun.add(1, ordering: .relaxed).newValue == after else { return }
        defer { happened.signal() }
        try action()
    }

    /// Waits until it has happened, for two minutes at most.
    func untilItHappened() async throws {
        let happened = happened
        try await BlockingPool(label: "interruption", width: 1).run {
            guard happened.wait(timeout: .now() + 120) == .success else { throw StageError(text: "the copy never came so far") }
        }
    }
}

/// A block image of another system type, whose reads are counted.
struct InterruptedImageType: SystemType {
    let base: any SystemType
    let interruption: Interruption
    let name = "interrupted-image"
    let summary = "A block image whose reading is interrupted"
    var schema: SettingsSchema { base.schema }

    func identity(_ settings: Settings) throws(StepError) -> String { try base.identity(settings) }

    func open(_ settings: Settings, _ context: SystemContext) async throws -> Instance {
        let opened: any System = try await base.open(settings, context)
        guard let image = opened as? any ImageSource & Snapshotting else { throw StageError(text: "\(base.name) is no image") }
        return Instance(base: image, interruption: interruption)
    }

    struct Instance: ImageSource, PassedOnSnapshots {
        let base: any ImageSource & Snapshotting
        let interruption: Interruption
        var snapshots: any Snapshotting { base }
        var logicalPath: TreePath { base.logicalPath }

        func withImage<Result: Sendable>(
            of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any ImageReader) async throws -> Result
        ) async throws -> Result {
            try await base.withImage(of: snapshot, context) { try await body(Reader(base: $0, interruption: interruption)) }
        }
    }

    private struct Reader: ImageReader {
        let base: any ImageReader
        let interruption: Interruption
        var size: Int64 { base.size }
        var granularity: Int64 { base.granularity }
        var attributes: [ExtendedAttribute] { base.attributes }
        func confirm() throws { try base.confirm() }
        func allocatedExtents() throws -> [Range<Int64>] { try base.allocatedExtents() }
        func allocatedExtents(within ranges: [Range<Int64>]) throws -> [Range<Int64>] { try base.allocatedExtents(within: ranges) }
        func changedExtents(since other: JSONValue) throws -> [Range<Int64>]? { try base.changedExtents(since: other) }
        func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws {
            try interruption.pass()
            try base.read(into: buffer, at: offset)
        }
    }
}

/// A file tree of another system type, whose opened files are counted.
struct InterruptedTreeType: SystemType {
    let base: any SystemType
    let interruption: Interruption
    let name = "interrupted-tree"
    let summary = "A file tree whose reading is interrupted"
    var schema: SettingsSchema { base.schema }

    func identity(_ settings: Settings) throws(StepError) -> String { try base.identity(settings) }

    func open(_ settings: Settings, _ context: SystemContext) async throws -> Instance {
        let opened: any System = try await base.open(settings, context)
        guard let tree = opened as? any TreeSource & Snapshotting else { throw StageError(text: "\(base.name) is no tree") }
        return Instance(base: tree, interruption: interruption)
    }

    struct Instance: TreeSource, PassedOnSnapshots {
        let base: any TreeSource & Snapshotting
        let interruption: Interruption
        var snapshots: any Snapshotting { base }

        func withTree<Result: Sendable>(
            of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any TreeReader) async throws -> Result
        ) async throws -> Result {
            try await base.withTree(of: snapshot, context) { try await body(Reader(base: $0, interruption: interruption)) }
        }
    }

    private struct Reader: TreeReader {
        let base: any TreeReader
        let interruption: Interruption
        var logicalPath: TreePath { base.logicalPath }
        var readsAtOnce: Int { base.readsAtOnce }
        func isAway(after error: StorageError) -> Bool { base.isAway(after: error) }
        func confirm() throws { try base.confirm() }
        func metadata(of path: TreePath) throws -> FileMetadata { try base.metadata(of: path) }
        func list(_ directory: TreePath) throws -> TreeListing { try base.list(directory) }
        func open(_ file: TreePath) throws -> any FileReader {
            try interruption.pass()
            return try base.open(file)
        }
    }
}

/// Snapshots that are another system's.
protocol PassedOnSnapshots: Snapshotting {
    var snapshots: any Snapshotting { get }
}

extension PassedOnSnapshots {
    var keepsBase: Bool { snapshots.keepsBase }
    var retires: Bool { snapshots.retires }
    func snapshot(key: String, _ context: StepContext) async throws -> SystemSnapshot { try await snapshots.snapshot(key: key, context) }
    func find(key: String, _ context: StepContext) async throws -> SystemSnapshot? { try await snapshots.find(key: key, context) }
    func release(key: String, _ context: StepContext) async throws { try await snapshots.release(key: key, context) }
    func retire(key: String, _ context: StepContext) async throws { try await snapshots.retire(key: key, context) }
}

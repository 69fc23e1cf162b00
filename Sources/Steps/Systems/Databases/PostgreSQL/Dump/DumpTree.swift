import Basics
import Foundation
import StorageKit
import Synchronization

/// Dumps as a tree of one file each. A program starts when its file is opened, and one that does not end well makes the last read fail.
final class DumpTree: TreeReader {
    let logicalPath: TreePath
    private let calls: [FileName: ProgramCall]
    private let time: FileTime
    private let log: @Sendable (String) -> Void
    private let state = Mutex(State())

    private struct State {
        var streams: [OutputStream] = []
        var isStopped = false
    }

    /// `log` gets what pg_dump warns of: objects that it leaves out, for one.
    init(_ dumps: [DumpFile: ProgramCall], logicalPath: TreePath, log: @escaping @Sendable (String) -> Void) {
        self.log = log
        self.logicalPath = logicalPath
        calls = Dictionary(uniqueKeysWithValues: dumps.map { ($0.key.name, $0.value) })
        let now = Date.now.timeIntervalSince1970
        time = FileTime(seconds: Int64(now), nanoseconds: Int32((now - now.rounded(.down)) * 1e9))
    }

    func metadata(of path: TreePath) throws -> FileMetadata {
        if path.parts.isEmpty { return FileMetadata(kind: .directory, permissions: 0o700, modified: time) }
        _ = try call(path)
        return OutputStream.metadata(time)
    }

    func list(_ directory: TreePath) throws -> TreeListing {
        guard directory.parts.isEmpty else { throw missing(directory) }
        return TreeListing(entries: calls.keys.sorted().map { TreeEntry(name: $0, metadata: OutputStream.metadata(time)) })
    }

    func open(_ file: TreePath) throws -> any FileReader {
        let stream = try OutputStream(try call(file), time: time) { [log] warnings in log("\(file): \(warnings)") }
        let isStopped = state.withLock { state in
            state.streams.append(stream)
            return state.isStopped
        }
        if isStopped { stream.stop() }
        return stream
    }

    private func call(_ path: TreePath) throws -> ProgramCall {
        guard path.parts.count == 1, let call = calls[path.parts[0]] else { throw missing(path) }
        return call
    }

    private func missing(_ path: TreePath) -> StorageError {
        StorageError(.notFound, expected: "the dump of a database", found: "no file of that name", at: "/\(logicalPath)/\(path)")
    }

    /// Lends itself; afterwards every program is gone.
    func lend<Result: Sendable>(to body: @Sendable (any TreeReader) async throws -> Result) async throws -> Result {
        let outcome: Swift.Result<Result, any Error>
        do {
            outcome = .success(
                try await withTaskCancellationHandler {
                    try await body(self)
                } onCancel: {
                    stop()
                })
        } catch {
            outcome = .failure(error)
        }
        stop()
        for stream in state.withLock({ $0.streams }) { await stream.ended() }
        return try outcome.get()
    }

    private func stop() {
        let streams = state.withLock { state in
            state.isStopped = true
            return state.streams
        }
        for stream in streams { stream.stop() }
    }
}

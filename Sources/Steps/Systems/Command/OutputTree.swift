import Basics
import Foundation
import Glibc
import StepKit
import StorageKit
import Synchronization

/// Programs' outputs as a tree of one file each. A program starts when its file is opened.
final class OutputTree: TreeReader {
    let logicalPath: TreePath
    let readsAtOnce: Int
    private let calls: [FileName: ProgramCall]
    private let onFailure: StreamFailure
    private let time: FileTime
    private let state = Mutex(State())

    private struct State {
        /// Those that may still run.
        var streams: [ObjectIdentifier: OutputStream] = [:]
        var failed = 0
        var isStopped = false
        /// The failure for which the other programs were stopped: theirs come of that.
        var cause: (any Error)?
    }

    init(calls: [FileName: ProgramCall], logicalPath: TreePath, readsAtOnce: Int = 1, onFailure: StreamFailure = .fail) {
        self.calls = calls
        self.logicalPath = logicalPath
        self.readsAtOnce = min(readsAtOnce, calls.count)
        self.onFailure = onFailure
        let now = Date.now.timeIntervalSince1970
        time = FileTime(seconds: Int64(now), nanoseconds: Int32((now - now.rounded(.down)) * 1e9))
    }

    func metadata(of path: TreePath) throws -> FileMetadata {
        if path.parts.isEmpty { return FileMetadata(kind: .directory, permissions: 0o755, modified: time) }
        _ = try call(path)
        return OutputStream.metadata(time)
    }

    func list(_ directory: TreePath) throws -> TreeListing {
        guard directory.parts.isEmpty else { throw missing(directory) }
        return TreeListing(entries: calls.keys.sorted().map { TreeEntry(name: $0, metadata: OutputStream.metadata(time)) })
    }

    func open(_ file: TreePath) throws -> any FileReader {
        let stream = try OutputStream(try call(file), time: time)
        let isStopped = state.withLock { state in
            state.streams[ObjectIdentifier(stream)] = stream
            return state.isStopped
        }
        if isStopped { stream.stop() }
        return NamedStream(stream, of: self, location: "/\(logicalPath)/\(file)")
    }

    private func call(_ file: TreePath) throws -> ProgramCall {
        guard file.parts.count == 1, let call = calls[file.parts[0]] else { throw missing(file) }
        return call
    }

    private func missing(_ path: TreePath) -> StorageError {
        let names = calls.keys.sorted().map(\.description).joined(separator: ", ")
        return StorageError(.notFound, expected: "one of \(names)", found: "no file of that name", at: "/\(logicalPath)/\(path)")
    }

    // MARK: ending

    /// What a failed program's error is to the copy: the copy's own, which ends the other programs, or its file's alone. Where nothing is
    /// left to be kept, or the programs were stopped, it is always the copy's.
    fileprivate func failure(_ error: any Error, at location: String) -> any Error {
        let (cause, isFatal) = state.withLock { state -> (any Error, Bool) in
            if state.isStopped { return (state.cause ?? error, true) }
            state.failed += 1
            let isFatal = onFailure == .fail || state.failed == calls.count || !(error is StepError)
            if isFatal { (state.cause, state.isStopped) = (error, true) }
            return (error, isFatal)
        }
        guard !isFatal, let error = error as? StepError else {
            stop()
            return cause
        }
        return StorageError(
            .failed, expected: error.expected, found: error.found, at: location, advice: error.advice, retry: error.retry)
    }

    fileprivate func closed(_ stream: OutputStream) async {
        await stream.ended()
        state.withLock { $0.streams[ObjectIdentifier(stream)] = nil }
    }

    /// Ends the programs; readers wake up.
    func stop() {
        let streams = state.withLock { state in
            state.isStopped = true
            return Array(state.streams.values)
        }
        for stream in streams { stream.stop() }
    }

    /// Ends the programs and waits until they are gone.
    func end() async {
        stop()
        for stream in state.withLock({ Array($0.streams.values) }) { await stream.ended() }
    }
}

/// A stream of a tree, which is told when it fails.
private final class NamedStream: FileReader {
    private let stream: OutputStream
    private let tree: OutputTree
    private let location: String

    init(_ stream: OutputStream, of tree: OutputTree, location: String) {
        self.stream = stream
        self.tree = tree
        self.location = location
    }

    func metadata() throws -> FileMetadata { try stream.metadata() }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        do {
            return try stream.read(into: buffer)
        } catch {
            throw tree.failure(error, at: location)
        }
    }

    func close() {
        stream.close()
        Task { [tree, stream] in await tree.closed(stream) }
    }
}

import Foundation
import Glibc
import StepKit
import StorageKit
import Synchronization

/// A program's output as a tree of one file, `stdout`. The program starts when the file is opened.
final class OutputTree: TreeReader {
    private let call: ProgramCall
    let logicalPath: TreePath
    private let time: FileTime
    private let state = Mutex(State())

    private struct State {
        var streams: [OutputStream] = []
        var isStopped = false
    }

    static let fileName: FileName = "stdout"

    init(call: ProgramCall, logicalPath: TreePath) {
        self.call = call
        self.logicalPath = logicalPath
        let now = Date.now.timeIntervalSince1970
        time = FileTime(seconds: Int64(now), nanoseconds: Int32((now - now.rounded(.down)) * 1e9))
    }

    func metadata(of path: TreePath) throws -> FileMetadata {
        switch path.parts {
        case []: return FileMetadata(kind: .directory, permissions: 0o755, modified: time)
        case [Self.fileName]: return OutputStream.metadata(time)
        default: throw missing(path)
        }
    }

    func list(_ directory: TreePath) throws -> TreeListing {
        guard directory.parts.isEmpty else { throw missing(directory) }
        return TreeListing(entries: [TreeEntry(name: Self.fileName, metadata: OutputStream.metadata(time))])
    }

    func open(_ file: TreePath) throws -> any FileReader {
        guard file.parts == [Self.fileName] else { throw missing(file) }
        let stream = try OutputStream(call, time: time)
        let isStopped = state.withLock { state in
            state.streams.append(stream)
            return state.isStopped
        }
        if isStopped { stream.stop() }
        return stream
    }

    private func missing(_ path: TreePath) -> StorageError {
        StorageError(.notFound, expected: "the one file stdout", found: "no file of that name", at: "/\(logicalPath)/\(path)")
    }

    /// Ends the programs; readers wake up.
    func stop() {
        let streams = state.withLock { state in
            state.isStopped = true
            return state.streams
        }
        for stream in streams { stream.stop() }
    }

    /// Ends the programs and waits until they are gone.
    func end() async {
        stop()
        for stream in state.withLock({ $0.streams }) { await stream.ended() }
    }
}

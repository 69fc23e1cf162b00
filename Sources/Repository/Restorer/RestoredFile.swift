import Basics
import StorageKit
import Synchronization

/// One file being restored: opened at its first write, finished at its last, abandoned at the first failure.
final class RestoredFile: Sendable {
    let path: TreePath
    let node: Node
    private let writer: any TreeWriter

    private struct State {
        var file: (any FileWriter)?
        var missing: Int
        var failed = false
    }

    private let state: Mutex<State>

    init(path: TreePath, node: Node, writer: any TreeWriter) {
        self.path = path
        self.node = node
        self.writer = writer
        state = Mutex(State(missing: node.content?.count ?? 0))
    }

    /// Creates the file unless it is open. Nil once it failed.
    private func open() throws -> (any FileWriter)? {
        try state.withLock { state in
            if state.failed { return nil }
            if let file = state.file { return file }
            let file = try writer.createFile(path, size: Int64(clamping: node.size))
            state.file = file
            return file
        }
    }

    /// Writes one blob, of which `data` are the ranges that are not zeros. True when that was the last and the file is whole.
    func write(_ bytes: UnsafeRawBufferPointer, _ data: [Range<Int>], at offset: Int64) throws -> Bool {
        guard let file = try open() else { return false }
        for run in data {
            try file.write(UnsafeRawBufferPointer(rebasing: bytes[run]), at: offset + Int64(run.lowerBound))
        }
        let last = state.withLock { state in
            state.missing -= 1
            return state.missing == 0 && !state.failed
        }
        return try last && finish()
    }

    /// Ends a file without content, or after its last write; sets nothing.
    func finish() throws -> Bool {
        guard let file = try open() else { return false }
        try file.finish()
        state.withLock { $0.file = nil }
        return true
    }

    /// True for the first failure.
    func fail() -> Bool {
        let (first, file) = state.withLock { state in
            defer {
                state.failed = true
                state.file = nil
            }
            return (!state.failed, state.file)
        }
        file?.abandon()
        return first
    }
}

import Basics
import StepKit
import StorageKit

/// A file tree that a plug-in reads.
final class PluginTree: TreeReader {
    let logicalPath: TreePath
    let readsAtOnce: Int
    private let process: PluginProcess
    private let handle: JSONValue
    private let confirms: Bool
    /// Plug-ins from before holes were told may refuse an argument that they do not know.
    private let tellsHoles: Bool

    init(_ process: PluginProcess, _ arguments: JSONValue) throws(StorageError) {
        self.process = process
        let result = try process.call("tree.open", arguments).result
        guard let handle = result["handle"], let path = TreeMessage.path(result["logicalPath"]), !path.parts.isEmpty else {
            throw process.broken("a tree's handle and the path under which it is recorded", result.canonicalText)
        }
        (self.handle, logicalPath) = (handle, path)
        confirms = result["confirms"]?.boolValue ?? false
        tellsHoles = result["tellsHoles"]?.boolValue ?? false
        readsAtOnce = min(max(Int(clamping: result["readsAtOnce"]?.intValue ?? 1), 1), process.program.callsAtOnce)
    }

    func metadata(of path: TreePath) throws -> FileMetadata {
        let result = try process.call("tree.metadata", ["handle": handle, "path": TreeMessage.path(path)]).result
        guard let metadata = FileMetadata(message: result) else { throw process.broken("metadata of \(path)", result.canonicalText) }
        return metadata
    }

    func list(_ directory: TreePath) throws -> TreeListing {
        let data = try process.call("tree.list", ["handle": handle, "path": TreeMessage.path(directory)]).data
        guard let listing = TreeMessage.listing(data, call: "tree.list", plugin: process.program.name) else {
            throw process.broken("lines of entries of \(directory), each name once", String(decoding: data.prefix(200), as: UTF8.self))
        }
        return listing
    }

    func open(_ file: TreePath) throws -> any FileReader {
        let answer = try process.call("tree.read", ["handle": handle, "path": TreeMessage.path(file)])
        return try PluginFile(process, answer, handle, file, tellsHoles: tellsHoles)
    }

    /// Its process is gone, or says that what it reads is.
    func isAway(after error: StorageError) -> Bool { error.kind == .unavailable }

    func confirm() throws { if confirms { _ = try process.call("tree.confirm", ["handle": handle]) } }

    /// What was read is read: how the closing went interests nobody.
    func close() { _ = try? process.call("tree.close", ["handle": handle]) }
}

/// A file of a plug-in's, opened: its first part came with it.
final class PluginFile: FileReader {
    private let process: PluginProcess
    private let opened: FileMetadata
    private let tree: JSONValue
    private let tellsHoles: Bool
    /// Nil when all of it has come.
    private let file: JSONValue?
    private var part: ArraySlice<UInt8>
    /// Bytes that were handed over, or passed.
    private var position: Int64 = 0

    init(
        _ process: PluginProcess, _ answer: PluginCall.Answer, _ tree: JSONValue, _ path: TreePath, tellsHoles: Bool
    ) throws(StorageError) {
        guard let metadata = FileMetadata(message: answer.result["metadata"]) else {
            throw process.broken("metadata of \(path)", answer.result.canonicalText)
        }
        (self.process, opened, self.tree, self.tellsHoles) = (process, metadata, tree, tellsHoles)
        file = answer.result["file"].flatMap { $0.isNull ? nil : $0 }
        part = answer.data[...]
    }

    func metadata() throws -> FileMetadata { opened }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var done = 0
        while done < buffer.count {
            if part.isEmpty {
                guard let file else { break }
                let arguments: JSONValue = ["handle": tree, "file": file, "length": .int(Int64(buffer.count - done))]
                part = try process.call("tree.next", arguments).data[...]
                if part.isEmpty { break }
            }
            let count = min(part.count, buffer.count - done)
            part.prefix(count).withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: buffer[done...]).copyMemory(from: $0) }
            part = part.dropFirst(count)
            done += count
            position += Int64(count)
        }
        return done
    }

    /// Where no hole follows, the data that came instead wait for `read`.
    func skipHole() throws -> Int64 {
        guard tellsHoles, part.isEmpty, let file, position < opened.size else { return 0 }
        let arguments: JSONValue = ["handle": tree, "file": file, "length": .int(Int64(TreeMessage.firstPart)), "holes": true]
        let answer = try process.call("tree.next", arguments)
        part = answer.data[...]
        guard let hole = answer.result["hole"]?.intValue, hole != 0 else { return 0 }
        guard hole > 0, part.isEmpty, hole <= opened.size - position else {
            throw process.broken(
                "a hole within the file's \(opened.size.counted("byte")), after the \(position) that have come, or data",
                answer.result.canonicalText)
        }
        position += hole
        return hole
    }

    func close() {
        if let file { _ = try? process.call("tree.end", ["handle": tree, "file": file]) }
    }
}

import Basics
import StepKit
import StorageKit

/// A file tree that the other side reads: a plug-in, or the worker where a plug-in completes its tree.
final class PluginTree: TreeReader {
    let logicalPath: TreePath
    let readsAtOnce: Int
    /// It is taken entry by entry, and can't be listed.
    let isStream: Bool
    private let process: any PluginPeer
    /// Of a tree that completes another one: that one, which it may refer to.
    private let original: (any TreeReader)?
    private let handle: JSONValue
    private let confirms: Bool
    /// Plug-ins from before holes were told may refuse an argument that they do not know.
    private let tellsHoles: Bool

    convenience init(_ process: any PluginPeer, _ arguments: JSONValue) throws(StorageError) {
        try self.init(process, opened: process.call("tree.open", arguments).result)
    }

    /// `result`: what the opening has answered.
    init(_ process: any PluginPeer, opened result: JSONValue, completing original: (any TreeReader)? = nil) throws(StorageError) {
        self.process = process
        self.original = original
        guard let handle = result["handle"], let path = TreeMessage.path(result["logicalPath"]), !path.parts.isEmpty else {
            throw process.broken("a tree's handle and the path under which it is recorded", result.canonicalText)
        }
        (self.handle, logicalPath) = (handle, path)
        confirms = result["confirms"]?.boolValue ?? false
        tellsHoles = result["tellsHoles"]?.boolValue ?? false
        isStream = result["stream"]?.boolValue ?? false
        readsAtOnce = min(max(Int(clamping: result["readsAtOnce"]?.intValue ?? 1), 1), process.callsAtOnce)
    }

    /// The tree that is completed, where the answer says no more than that it holds there.
    private func original(_ result: JSONValue) -> (any TreeReader)? { result["original"]?.boolValue == true ? original : nil }

    func metadata(of path: TreePath) throws -> FileMetadata {
        let result = try process.call("tree.metadata", ["handle": handle, "path": TreeMessage.path(path)]).result
        if let original = original(result) { return try original.metadata(of: path) }
        guard let metadata = FileMetadata(message: result) else { throw process.broken("metadata of \(path)", result.canonicalText) }
        return metadata
    }

    func list(_ directory: TreePath) throws -> TreeListing {
        let answer = try process.call("tree.list", ["handle": handle, "path": TreeMessage.path(directory)])
        if let original = original(answer.result) { return try original.list(directory) }
        guard let listing = TreeMessage.listing(answer.data, call: "tree.list", plugin: process.name) else {
            throw process.broken(
                "lines of entries of \(directory), each name once", String(decoding: answer.data.prefix(200), as: UTF8.self))
        }
        return listing
    }

    func open(_ file: TreePath) throws -> any FileReader {
        let answer = try process.call("tree.read", ["handle": handle, "path": TreeMessage.path(file)])
        if let original = original(answer.result) { return try original.open(file) }
        return try PluginFile(process, answer, handle, file, tellsHoles: tellsHoles)
    }

    /// The next entry of a stream; nil at its end.
    func nextEntry() throws -> StreamedEntry? {
        let answer = try process.call("tree.entry", ["handle": handle])
        if answer.result.isNull { return nil }
        guard let path = TreeMessage.path(answer.result["path"]), !path.parts.isEmpty,
            let metadata = FileMetadata(message: answer.result["metadata"])
        else { throw process.broken("an entry's path and metadata", answer.result.canonicalText) }
        let content = metadata.kind == .file ? try PluginFile(process, answer, handle, path, tellsHoles: tellsHoles) : nil
        return StreamedEntry(path: path, metadata: metadata, content: content)
    }

    /// Its process is gone, or says that what it reads is.
    func isAway(after error: StorageError) -> Bool { error.kind == .unavailable || original?.isAway(after: error) == true }

    func confirm() throws {
        if confirms { _ = try process.call("tree.confirm", ["handle": handle]) }
        try original?.confirm()
    }

    /// What was read is read: how the closing went interests nobody.
    func close(failed: Bool) { _ = try? process.call("tree.close", process.closing(handle, failed: failed)) }
}

/// A file of a plug-in's, opened: its first part came with it.
final class PluginFile: FileReader {
    private let process: any PluginPeer
    private let opened: FileMetadata
    private let tree: JSONValue
    private let tellsHoles: Bool
    /// Nil when all of it has come.
    private let file: JSONValue?
    private var part: ArraySlice<UInt8>
    /// Bytes that were handed over, or passed.
    private var position: Int64 = 0

    init(
        _ process: any PluginPeer, _ answer: PluginCall.Answer, _ tree: JSONValue, _ path: TreePath, tellsHoles: Bool
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

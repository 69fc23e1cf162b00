import Basics
import StepKit
import StorageKit
import Synchronization

/// The file trees of a system that is served. Calls of theirs block.
final class HostedTrees: Sendable {
    private let readers = HostedLoans<any TreeReader>()
    private let writers = HostedLoans<any TreeWriter>()
    private let files = HostedTable<OpenFile>()
    private let targets = HostedTable<any FileWriter>()
    /// So many files of trees may be open at once.
    private let openAtMost: Int
    /// A part of a file has at most so many bytes.
    private let largestPart: Int

    init(openAtMost: Int = .max, largestPart: Int = PluginMessage.maximumData) {
        (self.openAtMost, self.largestPart) = (openAtMost, largestPart)
    }

    /// Used by one call at a time: the worker's end has one thread a file.
    private final class OpenFile: @unchecked Sendable {
        let reader: any FileReader
        init(_ reader: any FileReader) { self.reader = reader }
    }

    /// `lend` opens a tree for as long as its body runs.
    func openReader(
        _ lend: @escaping @Sendable (_ body: @escaping @Sendable (any TreeReader) async throws -> Void) async throws -> Void
    ) async throws -> HostedAnswer {
        let (handle, tree) = try await readers.lend { body in
            try await lend(body)
            return [:]
        }
        return HostedAnswer(result: [
            "handle": .int(handle), "logicalPath": TreeMessage.path(tree.logicalPath), "readsAtOnce": .int(Int64(tree.readsAtOnce)),
            "confirms": true, "tellsHoles": true, "stream": .bool(tree is any TreeStream),
        ])
    }

    /// `lend` returns what is to be told of the restore when it has ended.
    func openWriter(
        _ lend: @escaping @Sendable (_ body: @escaping @Sendable (any TreeWriter) async throws -> Void) async throws -> [String: JSONValue]
    ) async throws -> HostedAnswer {
        HostedAnswer(result: ["handle": .int(try await writers.lend(lend).handle)])
    }

    func close(_ request: HostedRequest) async throws -> HostedAnswer {
        let handle = try request.number("handle")
        let failed = request.arguments["failed"]?.boolValue ?? false
        let outputs = try await request.call == "tree.close" ? readers.end(handle, failed: failed) : writers.end(handle, failed: failed)
        return HostedAnswer(result: ["outputs": .object(outputs)])
    }

    func finish() async {
        for file in files.removeAll() { file.reader.close() }
        for target in targets.removeAll() { target.abandon() }
        await readers.endAll()
        await writers.endAll()
    }

    // MARK: reading

    /// Every call of `tree.` but to open and to close.
    func read(_ request: HostedRequest) throws -> HostedAnswer {
        switch request.call {
        case "tree.next":
            // Only who asks for holes is told of them: earlier workers read zeros.
            if request.arguments["holes"]?.boolValue == true {
                let hole = try files[request.number("file"), request].reader.skipHole()
                if hole > 0 { return HostedAnswer(result: ["hole": .int(hole)]) }
            }
            var bytes = [UInt8](repeating: 0, count: Int(min(max(try request.number("length"), 0), Int64(largestPart))))
            let count = try bytes.withUnsafeMutableBytes { try files[request.number("file"), request].reader.read(into: $0) }
            return HostedAnswer(data: count == bytes.count ? bytes : Array(bytes[..<count]))
        case "tree.end":
            files.remove(try request.number("file"))?.reader.close()
            return HostedAnswer()
        default: break
        }
        let tree = try readers.lent(request.number("handle"), request)
        if request.call == "tree.confirm" {
            try tree.confirm()
            return HostedAnswer()
        }
        if request.call == "tree.entry" { return try entry(of: tree, request) }
        let path = try request.path("path")
        switch request.call {
        case "tree.metadata": return HostedAnswer(result: try tree.metadata(of: path).message)
        case "tree.list": return HostedAnswer(data: TreeMessage.lines(try tree.list(path)))
        case "tree.read": return try begin(tree.open(path))
        default: throw request.unknown
        }
    }

    /// The next entry of a stream, as `tree.read` answers of a file; null at its end.
    private func entry(of tree: any TreeReader, _ request: HostedRequest) throws -> HostedAnswer {
        guard let stream = tree as? any TreeStream else { throw request.unknown }
        guard let entry = try stream.next() else { return HostedAnswer(result: .null) }
        var answer = try entry.content.map(begin) ?? HostedAnswer(result: ["metadata": entry.metadata.message])
        // What the stream says of the entry counts: its content may know no more than its bytes.
        answer.result = .object(
            (answer.result.objectValue ?? [:]).merging(
                ["path": TreeMessage.path(entry.path), "metadata": entry.metadata.message]) { $1 })
        return answer
    }

    /// The first part of a file; it stays open where that is not all of it.
    private func begin(_ file: any FileReader) throws -> HostedAnswer {
        var isKept = false
        defer { if !isKept { file.close() } }
        guard files.count < openAtMost else {
            throw StorageError(
                .failed, expected: "at most \(openAtMost) files open at once", found: "one more", at: "the tree that is lent",
                advice: "this is an error in the plug-in: it ends no files (`tree.end`); tell its author")
        }
        let metadata = try file.metadata()
        let size = metadata.size >= 0 ? min(metadata.size, Int64(TreeMessage.firstPart)) : Int64(TreeMessage.firstPart)
        // One more than there should be: a part that is not full is the last.
        var bytes = [UInt8](repeating: 0, count: Int(size) + 1)
        let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0) }
        var result: [String: JSONValue] = ["metadata": metadata.message]
        if count == bytes.count {
            result["file"] = .int(files.add(OpenFile(file)))
            isKept = true
        }
        return HostedAnswer(result: .object(result), data: count == bytes.count ? bytes : Array(bytes[..<count]))
    }

    // MARK: restoring

    /// Every call of `restore.` but to open and to close.
    func restore(_ request: HostedRequest) throws -> HostedAnswer {
        switch request.call {
        case "restore.write":
            let target = try targets[request.number("file"), request]
            let offset = try request.number("offset")
            try request.data.withUnsafeBytes { try target.write($0, at: offset) }
            return HostedAnswer()
        case "restore.finishFile":
            let file = try request.number("file")
            try targets[file, request].finish()
            _ = targets.remove(file)
            return HostedAnswer()
        case "restore.abandonFile":
            targets.remove(try request.number("file"))?.abandon()
            return HostedAnswer()
        default: break
        }
        let writer = try writers.lent(request.number("handle"), request)
        if request.call == "restore.finish" {
            try writer.finish()
            return HostedAnswer()
        }
        let path = try request.path("path")
        switch request.call {
        case "restore.directory": try writer.makeDirectory(path)
        case "restore.file":
            return HostedAnswer(result: ["file": .int(targets.add(try writer.createFile(path, size: request.number("size"))))])
        case "restore.special": return try failures(writer.createSpecial(path, request.metadata()), at: path)
        case "restore.link": try writer.link(path, to: request.path("existing"))
        case "restore.metadata": return try failures(writer.setMetadata(path, request.metadata()), at: path)
        case "restore.existing": return try writer.existing(path).map(begin) ?? HostedAnswer(result: .null)
        default: throw request.unknown
        }
        return HostedAnswer()
    }

    private func failures(_ failures: [StorageError], at path: TreePath) -> HostedAnswer {
        HostedAnswer(result: ["failures": .array(failures.map { PluginFailure($0, at: "\(path)").json })])
    }
}

/// What is open in a host process, by numbers.
final class HostedTable<Value: Sendable>: Sendable {
    private let state = Mutex<(next: Int64, open: [Int64: Value])>((1, [:]))

    func add(_ value: Value) -> Int64 {
        state.withLock { state in
            defer { state.next += 1 }
            state.open[state.next] = value
            return state.next
        }
    }

    subscript(number: Int64, request: HostedRequest) -> Value {
        get throws(StorageError) {
            guard let value = state.withLock({ $0.open[number] }) else { throw request.gone(number) }
            return value
        }
    }

    var count: Int { state.withLock { $0.open.count } }

    @discardableResult func remove(_ number: Int64) -> Value? { state.withLock { $0.open.removeValue(forKey: number) } }

    func removeAll() -> [Value] {
        state.withLock { state in
            defer { state.open = [:] }
            return Array(state.open.values)
        }
    }
}

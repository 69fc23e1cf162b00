import Basics
import StorageKit

/// A file tree that a plug-in restores.
final class PluginTreeWriter: TreeWriter {
    private let process: PluginProcess
    private let handle: JSONValue

    init(_ process: PluginProcess, _ arguments: JSONValue) throws(StorageError) {
        self.process = process
        let result = try process.call("restore.open", arguments).result
        guard let handle = result["handle"] else { throw process.broken("a destination's handle", result.canonicalText) }
        self.handle = handle
    }

    @discardableResult
    private func call(_ name: String, _ path: TreePath, _ more: [String: JSONValue] = [:]) throws(StorageError) -> PluginCall.Answer {
        try process.call(name, .object(["handle": handle, "path": TreeMessage.path(path)].merging(more) { $1 }))
    }

    func makeDirectory(_ path: TreePath) throws { try call("restore.directory", path) }

    func createFile(_ path: TreePath, size: Int64) throws -> any FileWriter {
        let result = try call("restore.file", path, ["size": .int(size)]).result
        guard let file = result["file"] else { throw process.broken("a new file's handle", result.canonicalText) }
        return PluginFileWriter(process: process, arguments: ["handle": handle, "file": file])
    }

    func createSpecial(_ path: TreePath, _ metadata: FileMetadata) throws -> [StorageError] {
        try settle("restore.special", path, metadata)
    }

    func link(_ path: TreePath, to existing: TreePath) throws { try call("restore.link", path, ["existing": TreeMessage.path(existing)]) }

    func setMetadata(_ path: TreePath, _ metadata: FileMetadata) throws -> [StorageError] {
        try settle("restore.metadata", path, metadata)
    }

    /// What could not be set.
    private func settle(_ name: String, _ path: TreePath, _ metadata: FileMetadata) throws(StorageError) -> [StorageError] {
        let result = try call(name, path, ["metadata": metadata.message]).result
        return (result["failures"]?.arrayValue ?? []).map { PluginFailure(json: $0, call: name, plugin: process.program.name).error }
    }

    func existing(_ path: TreePath) throws -> (any FileReader)? {
        do {
            let answer = try call("restore.existing", path)
            return answer.result.isNull ? nil : try PluginFile(process, answer, handle, path, tellsHoles: false)
        } catch let error where error.kind == .unsupported {
            return nil
        }
    }

    func finish() throws { _ = try process.call("restore.finish", ["handle": handle]) }

    /// What there is to tell of the restore.
    func close(failed: Bool) throws -> [String: JSONValue] {
        try process.call("restore.close", process.closing(handle, failed: failed)).result["outputs"]?.objectValue ?? [:]
    }
}

/// A file that a plug-in restores.
struct PluginFileWriter: FileWriter {
    let process: PluginProcess
    let arguments: [String: JSONValue]

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        _ = try process.call("restore.write", .object(arguments.merging(["offset": .int(offset)]) { $1 }), sending: bytes)
    }

    func finish() throws { _ = try process.call("restore.finishFile", .object(arguments)) }
    func abandon() { _ = try? process.call("restore.abandonFile", .object(arguments)) }
}

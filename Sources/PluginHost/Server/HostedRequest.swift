import Basics
import StorageKit

/// One call of the worker's.
struct HostedRequest: Sendable {
    var id: Int64
    var call: String
    var arguments: JSONValue
    var data: [UInt8]
    /// False where none was sent; data may be empty.
    var hasData: Bool

    var unknown: StorageError {
        StorageError(.unsupported, expected: "a call that this plug-in knows", found: call, at: "the plug-in's process")
    }

    func text(_ key: String) throws(StorageError) -> String {
        guard let text = arguments[key]?.stringValue else { throw missing(key) }
        return text
    }

    func number(_ key: String) throws(StorageError) -> Int64 {
        guard let number = arguments[key]?.intValue else { throw missing(key) }
        return number
    }

    func path(_ key: String) throws(StorageError) -> TreePath {
        guard let path = TreeMessage.path(arguments[key]) else { throw missing(key) }
        return path
    }

    /// Where in the memory that is shared with the worker the content is, or is to go; nil where it comes and goes as data.
    func place(_ length: Int64) throws(StorageError) -> SharedMemory.Slot? {
        guard let offset = arguments["place"]?.intValue else { return nil }
        guard let slot = SharedMemory.inherited?.place(offset, length) else { throw missing("place") }
        return slot
    }

    func metadata() throws(StorageError) -> FileMetadata {
        guard let metadata = FileMetadata(message: arguments["metadata"]) else { throw missing("metadata") }
        return metadata
    }

    /// What was open in a process that has ended.
    func gone(_ handle: Int64) -> StorageError {
        StorageError(
            .unavailable, expected: "handle \(handle) of \(call)", found: "none: the process was started anew",
            at: "the plug-in's process", retry: .transient)
    }

    func missing(_ key: String) -> StorageError {
        StorageError(.invalid, expected: "\(key) of \(call)", found: arguments.canonicalText, at: "the plug-in's process")
    }
}

struct HostedAnswer: Sendable {
    var result: JSONValue = [:]
    var data: [UInt8]?
}

/// What a host process has opened.
protocol HostedInstance: Sendable {
    func answer(_ request: HostedRequest) async throws -> HostedAnswer
    /// Nobody calls any more: what is lent out is closed.
    func finish() async
}

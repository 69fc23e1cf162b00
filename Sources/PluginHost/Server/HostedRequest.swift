import FlowModel
import StorageKit

/// One call of the worker's.
struct HostedRequest: Sendable {
    var id: Int64
    var call: String
    var arguments: JSONValue
    var data: [UInt8]

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

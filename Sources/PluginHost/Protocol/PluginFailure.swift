import FlowModel
import StorageKit

/// An error as it travels between a plug-in's process and its worker: the parts of `StorageError`, by name.
struct PluginFailure {
    let error: StorageError

    init(_ error: any Error, at location: String) {
        switch error {
        case let error as StorageError: self.error = error
        case let error as any ExplainedError:
            self.error = StorageError(
                StorageError.Kind(rawValue: error.code) ?? .failed, expected: error.expected, found: error.found, at: error.location,
                advice: error.advice, retry: error.retry)
        default:
            self.error = StorageError(
                .failed, expected: "success", found: String(describing: error), at: location, retry: .transient)
        }
    }

    /// Tolerant: what a plug-in leaves out is filled in, so that no error of it is lost for its form.
    init(json: JSONValue, call: String, plugin: String) {
        func text(_ key: String) -> String? { json[key]?.stringValue }
        error = StorageError(
            text("kind").flatMap { StorageError.Kind(rawValue: $0) } ?? .failed,
            expected: text("expected") ?? "\(call) to succeed", found: text("found") ?? json.stringValue ?? json.canonicalText,
            at: text("location") ?? plugin, advice: text("advice") ?? "",
            retry: text("retry").flatMap { Retryability(rawValue: $0) } ?? .permanent,
            retryAfter: json["retryAfter"]?.intValue.map { .milliseconds($0) })
    }

    var json: JSONValue {
        var members: [String: JSONValue] = [
            "kind": .string(error.kind.rawValue), "expected": .string(error.expected), "found": .string(error.found),
            "location": .string(error.location), "advice": .string(error.advice), "retry": .string(error.retry.rawValue),
        ]
        if let after = error.retryAfter { members["retryAfter"] = .int(after.milliseconds) }
        return .object(members)
    }
}

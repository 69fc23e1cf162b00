import Basics
import StorageKit

/// An error as it travels between a plug-in's process and its worker: the parts of an explanation, by name.
struct PluginFailure {
    let explanation: Explanation

    /// As those who ask the plug-in know it.
    var error: StorageError { StorageError(explanation) }

    init(_ error: any Error, at location: String) { explanation = Explanation(error, at: location) }

    /// Tolerant: what a plug-in leaves out is filled in, so that no error of it is lost for its form.
    init(json: JSONValue, call: String, plugin: String) {
        func text(_ key: String) -> String? { json[key]?.stringValue }
        explanation = Explanation(
            text("kind").map { ErrorKind(word: $0) } ?? .failed,
            expected: text("expected") ?? "\(call) to succeed", found: text("found") ?? json.stringValue ?? json.canonicalText,
            at: text("location") ?? plugin, advice: text("advice") ?? "",
            retry: text("retry").flatMap { Retryability(rawValue: $0) } ?? .permanent,
            retryAfter: json["retryAfter"]?.intValue.map { .milliseconds($0) })
    }

    var json: JSONValue {
        var members: [String: JSONValue] = [
            "kind": .string(explanation.kind.rawValue), "expected": .string(explanation.expected), "found": .string(explanation.found),
            "location": .string(explanation.location), "advice": .string(explanation.advice), "retry": .string(explanation.retry.rawValue),
        ]
        if let after = explanation.retryAfter { members["retryAfter"] = .int(after.milliseconds) }
        return .object(members)
    }
}

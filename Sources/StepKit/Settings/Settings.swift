public import Basics

/// The values of declared settings, expressions resolved. Secrets are references still.
public struct Settings: Sendable, Hashable {
    /// By key, expressions resolved. Of secrets, the references.
    public var values: [String: JSONValue]
    /// Where they come from, for error messages: `system home`, `step copy-home`.
    public var origin: String

    public init(_ values: [String: JSONValue], origin: String) {
        self.values = values
        self.origin = origin
    }

    /// The value, or the declared default, or nil. Throws when the JSON has another shape than declared (an expression that
    /// resolved to something else).
    public func optional<Value>(_ setting: Setting<Value>) throws(StepError) -> Value? {
        guard let json = values[setting.name], !json.isNull else { return setting.defaultValue }
        guard let value = Value(setting: json) else {
            throw StepError(
                .invalidSetting, expected: "\(setting.name): \(setting.summary)", found: json.canonicalText, at: origin,
                advice: "see `snappy-flow plugins show`")
        }
        return value
    }

    /// As `optional`; throws when there is no value.
    public func value<Value>(_ setting: Setting<Value>) throws(StepError) -> Value {
        if let value = try optional(setting) { return value }
        throw StepError(.invalidSetting, expected: "\(setting.name): \(setting.summary)", found: "nothing", at: origin)
    }
}

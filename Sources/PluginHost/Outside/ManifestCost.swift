import Basics
import FlowModel
import StepKit

/// `snapshotCost` of a manifest: `instant`, `slow`, or `{bounded: SETTING}`: a copy of at most so many bytes where that setting is given.
enum ManifestCost: Sendable {
    case fixed(SnapshotCost)
    case bounded(by: String)

    init(_ json: JSONValue?, _ schema: SettingsSchema, _ reader: ManifestReader) throws(StepError) {
        switch json?.stringValue {
        case nil where json == nil: self = .fixed(.instant)
        case "instant": self = .fixed(.instant)
        case "slow": self = .fixed(.slow)
        default:
            guard let name = json?["bounded"]?.stringValue, schema[name]?.type == .byteCount else {
                throw reader.error(
                    "`snapshotCost`: instant, slow, or {bounded: the name of a setting of type byteCount}", json?.canonicalText ?? "none")
            }
            self = .bounded(by: name)
        }
    }

    func cost(_ settings: Settings, _ schema: SettingsSchema) throws(StepError) -> SnapshotCost {
        switch self {
        case .fixed(let cost): return cost
        case .bounded(let name):
            return try schema.byteCount(name, settings).map { .bounded($0) } ?? .instant
        }
    }
}

extension SettingsSchema {
    /// The value, or the declared default, or nil.
    func byteCount(_ name: String, _ settings: Settings) throws(StepError) -> ByteCount? {
        guard let value = settings.values[name] ?? self[name]?.defaultValue, !value.isNull else { return nil }
        guard let bytes = ByteCount(setting: value) else {
            throw StepError(
                .invalidSetting, expected: "\(name): \(self[name]?.summary ?? "bytes")", found: value.canonicalText, at: settings.origin,
                advice: "see `snappy-flow plugins show`")
        }
        return bytes
    }
}

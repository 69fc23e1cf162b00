import Basics
import FlowModel
import StepKit

/// `room` of a manifest: what snapshots of a system take on a disk of the worker's host.
struct ManifestRoom: Sendable {
    private let what: String
    /// With settings in braces.
    private let folder: String
    /// The names of settings of type byteCount, or sizes.
    private let least: Size
    private let wanted: Size

    private enum Size: Sendable {
        case fixed(ByteCount)
        case setting(String)
    }

    /// `{what: staging, folder: "{folder}/.snapshots", wanted: staging}`; nil where nothing is said.
    init?(_ json: JSONValue?, _ schema: SettingsSchema, _ reader: ManifestReader) throws(StepError) {
        guard let json, !json.isNull else { return nil }
        what = try reader.text(json, "what")
        folder = try reader.template(json, "folder", schema)
        func size(_ key: String) throws(StepError) -> Size? {
            guard let said = json[key] else { return nil }
            if let name = said.stringValue, schema[name]?.type == .byteCount { return .setting(name) }
            guard let bytes = ByteCount(setting: said) else {
                throw reader.error("`\(key)` of `room`: a size, or the name of a setting of type byteCount", said.canonicalText)
            }
            return .fixed(bytes)
        }
        guard let wanted = try size("wanted") else { throw reader.error("`wanted` of `room`", "none") }
        (self.wanted, least) = (wanted, try size("least") ?? .fixed(ByteCount(bytes: 0)))
    }

    /// Nil where a setting that it goes by is not given.
    func need(_ settings: Settings, _ schema: SettingsSchema) throws(StepError) -> RoomNeed? {
        func bytes(_ size: Size) throws(StepError) -> ByteCount? {
            switch size {
            case .fixed(let bytes): return bytes
            case .setting(let name): return try schema.byteCount(name, settings)
            }
        }
        guard let folder = PluginSystemDeclaration.filled(folder, settings, schema), let wanted = try bytes(wanted) else { return nil }
        return RoomNeed(what, in: folder, least: try bytes(least) ?? ByteCount(bytes: 0), wanted: wanted)
    }
}

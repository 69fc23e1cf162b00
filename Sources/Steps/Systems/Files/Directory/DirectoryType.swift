import Basics
public import StepKit

/// The `directory` system type: a folder of files on the worker's host.
public struct DirectoryType: SystemType {
    public init() {}

    public let name = "directory"
    public let summary = "A folder of files on a worker's host"
    public let schema = SettingsSchema(
        [path.field] + SelectionSettings.fields + [oneFileSystem.field, method.field, staging.field, stagingFolder.field])
    public let scope = AcquisitionScope.host

    static let path = Setting<String>.required("path", "The folder", type: .path)
    static let oneFileSystem = Setting<Bool>("oneFileSystem", "Do not enter other file systems mounted below", default: false)
    static let method = Setting<String>(
        "method", "How a snapshot is taken: clones of files (reflink), a bounded copy, or clones where possible",
        default: DirectoryMethod.auto.rawValue, type: .choice(DirectoryMethod.allCases.map(\.rawValue)))
    static let staging = Setting<ByteCount>(
        "staging", "Maximum that a snapshot may copy if files can't be cloned; counts against maxHold")
    static let stagingFolder = Setting<String>(
        "stagingFolder", "Where snapshots are kept; by default beside the folder, or inside it if it is a mount point", type: .path)

    public func identity(_ settings: Settings) throws(StepError) -> String {
        "directory:" + Self.normalised(try settings.value(Self.path))
    }

    public func snapshotCost(_ settings: Settings) throws(StepError) -> SnapshotCost {
        if try settings.value(Self.method) == DirectoryMethod.reflink.rawValue { return .instant }
        if let bound = try settings.optional(Self.staging) { return .bounded(bound) }
        return .slow
    }

    /// What `staging` allows, where files can't be cloned: nobody knows before.
    public func roomNeed(_ settings: Settings) throws(StepError) -> RoomNeed? {
        guard try settings.value(Self.method) != DirectoryMethod.reflink.rawValue, let bound = try settings.optional(Self.staging) else {
            return nil
        }
        let path = Self.normalised(try settings.value(Self.path))
        let folder = SnapshotFolder.staging(for: path, declared: try settings.optional(Self.stagingFolder))
        return RoomNeed("staging", in: folder, least: ByteCount(bytes: 0), wanted: bound)
    }

    public func problems(in settings: Settings) -> [SettingProblem] {
        guard let path = try? settings.value(Self.path), !path.contains("${") else { return [] }
        return SelectionSettings(settings).problems(root: path)
    }

    public func open(_ settings: Settings, _ context: SystemContext) async throws -> DirectorySystem {
        DirectorySystem(
            path: Self.normalised(try settings.value(Self.path)), selection: SelectionSettings(settings),
            oneFileSystem: try settings.value(Self.oneFileSystem),
            method: DirectoryMethod(rawValue: try settings.value(Self.method)) ?? .auto, staging: try settings.optional(Self.staging),
            stagingFolder: try settings.optional(Self.stagingFolder))
    }

    /// Without empty and trailing parts; `..` stays, it is the operator's.
    static func normalised(_ path: String) -> String {
        "/" + path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }
}

/// How a directory's snapshot is taken.
enum DirectoryMethod: String, CaseIterable, Sendable {
    /// Clone where the file system can, else copy under the bound of `staging`.
    case auto
    /// Clone or fail.
    case reflink
    /// Copy under the bound of `staging`.
    case copy
}

import Basics
import Repository
import StepKit
import StorageKit

/// The `local` repository type: a folder on the worker's host, laid out as restic does.
struct LocalRepositoryType: RepositoryType {
    let name = "local"
    let summary = "A folder on a worker's host"
    let schema = SettingsSchema([Self.path.field])
    let isOnThisMachine = true

    static let path = Setting<String>.required("path", "The repository's folder", type: .path)

    func identity(_ settings: Settings) throws(StepError) -> String { "local:" + (try folder(settings)) }

    func open(_ settings: Settings, _ context: StoreContext) async throws -> any ObjectStore {
        LocalStore(path: try folder(settings), keeping: context.keptRoom)
    }

    /// A copy that finds nothing new still stores an index, its snapshot and a lock. What a usual one needs nobody knows before it has looked: a few packs.
    func roomNeed(_ settings: Settings) throws(StepError) -> RoomNeed? {
        RoomNeed("repository", in: try folder(settings), least: .mebibytes(1), wanted: .mebibytes(64))
    }

    /// Without empty parts, `.` and a trailing slash, so that one folder has one name.
    private func folder(_ settings: Settings) throws(StepError) -> String {
        let path = try settings.value(Self.path)
        guard path.hasPrefix("/") else {
            throw StepError(
                .invalidSetting, expected: "an absolute path", found: "\"\(path)\"", at: settings.origin,
                advice: "write the whole path, from / on")
        }
        return "/" + path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }
}

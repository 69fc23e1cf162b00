import Crypto
import StorageKit

/// Where restic keeps what (restic internal/backend/layout/layout_default.go).
enum ObjectNames {
    static let config = ObjectName(Config.name)
    static let keys = "keys/"
    static let locks = "locks/"
    static let snapshots = "snapshots/"
    static let index = "index/"
    static let data = "data/"

    static func pack(_ id: ObjectID) -> ObjectName {
        let hex = id.hex
        return ObjectName("data/\(hex.prefix(2))/\(hex)")
    }

    /// The id in an object's name; nil for temporary and foreign files.
    static func id(of name: ObjectName) -> ObjectID? {
        guard let last = name.text.split(separator: "/").last else { return nil }
        return ObjectID(hex: String(last))
    }
}

extension ObjectStore {
    /// The ids under a prefix with their sizes, foreign names left out.
    func listIDs(_ prefix: String) async throws -> [(id: ObjectID, size: Int64)] {
        let found = Collected<(id: ObjectID, size: Int64)>()
        try await list(prefix: prefix) { page in
            found.append(page.compactMap { info in ObjectNames.id(of: info.name).map { ($0, info.size) } })
        }
        return found.values
    }
}

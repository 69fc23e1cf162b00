import Basics
import StepKit
import StorageKit

/// A folder in which steps have made things that they named by their keys. Calls block.
struct HoldingFolder {
    let path: String
    /// What stands before a key in a name.
    var prefix = ""
    /// What may stand behind one; the longest first, where one ends with another.
    var suffixes = [""]

    /// What lies there and is named so. Nothing where there is no folder.
    func holdings(of kind: AcquisitionKind) throws(StorageError) -> [Holding] {
        let folder: FolderHandle
        do { folder = try FolderHandle(opening: path) } catch {
            guard error.kind == .notFound else { throw error }
            return []
        }
        return try folder.names().compactMap { name -> Holding? in
            let text = name.description
            let key = suffixes.lazy.compactMap { Holding.key(in: text, after: prefix, before: $0) }.first
            return key.map { Holding(kind: kind, key: $0, name: path + "/" + text) }
        }
    }
}

import FlowModel
import Foundation
import Glibc
import StorageKit

/// Where a directory's snapshots lie: `<staging>/<key>`, made as `<key>.partial` and renamed when whole.
struct SnapshotFolder: Sendable {
    /// What a staging folder inside the data is called; never part of a copy.
    static let name: FileName = ".snappy-flow-snapshots"

    let staging: String
    let key: String

    /// The folder in use: the declared one; else beside the data when that is the same file system; else inside the data.
    static func staging(for path: String, declared: String?) -> String {
        if let declared { return declared }
        let parent = (path as NSString).deletingLastPathComponent
        var own = stat()
        var above = stat()
        let inside = path + "/" + name.description
        guard stat(path, &own) == 0, stat(parent, &above) == 0, own.st_dev == above.st_dev, access(parent, W_OK) == 0 else { return inside }
        return parent + "/." + (path as NSString).lastPathComponent + name.description
    }

    var whole: String { staging + "/" + key }
    var partial: String { whole + ".partial" }
    var mark: String { whole + "/mark" }

    static func manifest(_ number: UInt64, in folder: String) -> String { "\(folder)/folders/\(number / 1000)/\(number)" }
    static func content(_ number: UInt64, in folder: String) -> String { "\(folder)/files/\(number / 1000)/\(number)" }

    /// A snapshot lives in the page cache until the kernel writes it: after a crash of the machine it is not whole, whatever its name says.
    static var boot: String {
        (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8))?.trimmingCharacters(in: .whitespacesAndNewlines)
            ?? ""
    }

    /// True when the snapshot was finished, on this boot of the machine.
    var isWhole: Bool { (try? String(contentsOfFile: mark, encoding: .utf8)) == Self.boot }

    /// Removes the snapshot, whole or half made. Succeeds when nothing is there.
    func remove() throws(StorageError) {
        for path in [partial, whole] where access(path, F_OK) == 0 {
            do {
                try FileManager.default.removeItem(atPath: path)
            } catch {
                throw StorageError(
                    .failed, expected: "to remove the snapshot", found: error.localizedDescription, at: path,
                    advice: "look who uses it, or remove it by hand", retry: .transient)
            }
        }
        rmdir(staging)  // stays while other snapshots are in it
    }
}

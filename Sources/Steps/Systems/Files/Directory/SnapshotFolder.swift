import Basics
import Foundation
import Glibc
import HostKit
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
    static let mark = "mark"

    static func manifest(_ number: UInt64, in folder: String) -> String { "\(folder)/folders/\(number / 1000)/\(number)" }
    static func content(_ number: UInt64, in folder: String) -> String { "\(folder)/files/\(number / 1000)/\(number)" }

    /// A snapshot lives in the page cache until the kernel writes it: after a crash of the machine it is not whole, whatever its name says.
    static var boot: String {
        (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8))?.trimmingCharacters(in: .whitespacesAndNewlines)
            ?? ""
    }

    /// True when the snapshot was finished, on this boot of the machine.
    var isWhole: Bool { (try? Self.held(whole)).map(Self.isWhole) ?? false }
    static func isWhole(_ held: FolderHandle) -> Bool {
        (try? String(contentsOfFile: place(of: held) + "/" + mark, encoding: .utf8)) == boot
    }

    /// A snapshot's folder, for as long as its handle lives, and nobody else's. The staging folder may lie in a folder of the user whose data
    /// these are, who can exchange every name in it: what he puts there would get contents that he may not read, or be copied as if it were his.
    static func held(_ path: String) throws(StorageError) -> FolderHandle {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(errno, expected: "the folder of a snapshot", at: path) }
        let handle = FolderHandle(descriptor: descriptor, path: path)
        let status = try handle.status()
        guard status.st_uid == geteuid(), status.st_mode & 0o077 == 0 else {
            throw StorageError(
                .accessDenied, expected: "a folder of user id \(geteuid()) with mode 0700",
                found: "owner \(status.st_uid), mode 0\(String(status.st_mode & 0o7777, radix: 8))", at: path,
                advice: "find out who made it, and move it away; `stagingFolder` names another place")
        }
        return handle
    }

    /// Its path, whatever has its name meanwhile.
    static func place(of held: FolderHandle) -> String { "/proc/self/fd/\(held.descriptor)" }

    /// Removes the snapshot, whole or half made. Succeeds when nothing is there.
    func remove() throws(StorageError) {
        guard let held = try? FolderHandle(opening: staging) else { return }
        for path in [partial, whole] {
            do throws(Explanation) {
                try FolderRemoval.remove(Self.place(of: held) + path.dropFirst(staging.count))
            } catch {
                throw StorageError(
                    .failed, expected: "to remove the snapshot", found: error.found, at: path,
                    advice: "look who uses it, or remove it by hand", retry: .transient)
            }
        }
        rmdir(staging)  // stays while other snapshots are in it
    }
}

import FlowModel
import Basics
import Foundation
import Glibc
import HostKit
import StepKit
import StorageKit

/// The folder in which a verification puts a restored tree; named by the step's key, so that the undo finds it after a crash.
struct ScratchRestore: Sendable {
    let path: String

    init(_ context: StepContext) throws(StepError) {
        let own = context.scratchFolder + "/\(Self.name)"
        path = context.undoState["folder"]?.stringValue ?? own
        guard path == own || Self.isOurs(path, key: context.key) else {
            throw StepError(
                .invalidSetting,
                expected: "the scratch folder of step \(context.step.id), in a folder of this user's called \(context.key)", found: path,
                at: "step \(context.step.id)",
                advice:
                    "nothing was removed; look who writes the control database, and give the undo up (`snappy-flow jobs abandon`) once nothing is left"
            )
        }
    }

    private static let name = "restored"

    /// Where another worker of this host has put it. The path was read from a row that others may have written, and what it names is removed.
    private static func isOurs(_ path: String, key: String) -> Bool {
        let parts = path.pathParts
        guard path.hasPrefix("/"), !parts.contains(".."), parts.suffix(2) == [key, name] else { return false }
        var info = stat()
        guard lstat("/" + parts.dropLast().joined(separator: "/"), &info) == 0 else { return errno == ENOENT }
        return info.st_mode & S_IFMT == S_IFDIR && info.st_uid == geteuid() && info.st_mode & 0o022 == 0
    }

    /// What whoever examines a restored tree keeps beside it.
    static func beside(_ restored: String) -> String { restored + ".work" }

    /// Removes both, read-only folders included; another user may be at work in them. Idempotent.
    func remove() async throws {
        for path in [path, Self.beside(path)] {
            do throws(Explanation) {
                try FolderRemoval.remove(path)
            } catch {
                throw StorageError(
                    .failed, expected: "to remove the scratch folder", found: error.found, at: path,
                    advice: "look who uses it, or remove it by hand", retry: .transient)
            }
        }
    }
}

import FlowModel
import Foundation
import OwnFolders
import StepKit
import StorageKit

/// The folder in which a verification puts a restored tree; named by the step's key, so that the undo finds it after a crash.
struct ScratchRestore: Sendable {
    let path: String

    init(_ context: StepContext) {
        path = context.undoState["folder"]?.stringValue ?? context.scratchFolder + "/restored"
    }

    /// What whoever examines a restored tree keeps beside it.
    static func beside(_ restored: String) -> String { restored + ".work" }

    /// Removes both, read-only folders included; another user may be at work in them. Idempotent.
    func remove() async throws {
        for path in [path, Self.beside(path)] {
            do throws(FolderError) {
                try FolderRemoval.remove(path)
            } catch {
                throw StorageError(
                    .failed, expected: "to remove the scratch folder", found: error.found, at: path,
                    advice: "look who uses it, or remove it by hand", retry: .transient)
            }
        }
    }
}

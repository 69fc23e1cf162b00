import FlowModel
import Foundation
import StepKit
import StorageKit

/// The folder in which a verification puts a restored tree; named by the step's key, so that the undo finds it after a crash.
struct ScratchRestore: Sendable {
    let path: String

    init(_ context: StepContext) {
        path = context.undoState["folder"]?.stringValue ?? context.scratchFolder + "/restored"
    }

    /// Removes it, read-only folders included. Idempotent.
    func remove() async throws {
        guard FileManager.default.fileExists(atPath: path) else { return }
        for case let folder as String in FileManager.default.enumerator(atPath: path) ?? .init() {
            let whole = path + "/" + folder
            var info = stat()
            if lstat(whole, &info) == 0, info.st_mode & S_IFMT == S_IFDIR { chmod(whole, 0o700) }
        }
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            throw StorageError(
                .failed, expected: "to remove the scratch folder", found: error.localizedDescription, at: path,
                advice: "look who uses it, or remove it by hand", retry: .transient)
        }
    }
}

import HostKit
import Basics
import Glibc
import StorageKit

extension StorageError {
    /// As `system`, of a change to a name in a folder: where chattr(1) keeps what is there, or the folder, from being changed, it says so. The
    /// kernel says to root no more than that it is not permitted.
    static func refused(_ code: Int32, expected: String, _ name: FileName, in folder: FolderHandle) -> StorageError {
        let location = folder.path + "/" + name.description
        guard code == EPERM || code == EACCES else { return .system(code, expected: expected, at: location) }
        let own = FolderHandle.withName(name) { Kernel.protection(folder.descriptor, $0) }
        let error =
            protected(own, expected: expected, at: location)
            ?? protected(Kernel.protection(folder.descriptor, ""), expected: expected, at: folder.path)
        return error ?? .system(code, expected: expected, at: location)
    }

    /// `flags`: as `Kernel.protection` tells them. Nil for none.
    static func protected(_ flags: Int32, expected: String, at location: String) -> StorageError? {
        guard flags > 0 else { return nil }
        let flag = flags & 1 != 0 ? "i" : "a"
        return StorageError(
            .accessDenied, expected: expected, found: flag == "i" ? "it is immutable (chattr +i)" : "it can only be added to (chattr +a)",
            at: location,
            advice: "look why somebody protects it; `chattr -\(flag)` lets it be restored, then set it again: no copy stores such flags")
    }
}

import FlowModel
import Glibc

/// A secret's file that others than its owner can read, or change.
struct SecretExposure {
    private let path: String
    private let mode: UInt32
    private let owner: UInt32

    /// Nil where it is well kept, no file, or can't be looked at.
    init?(of reference: SecretReference) {
        guard case .file(let path) = reference else { return nil }
        var found = stat()
        guard stat(path, &found) == 0, found.st_mode & S_IFMT == S_IFREG else { return nil }
        (self.path, mode, owner) = (path, found.st_mode & 0o7777, found.st_uid)
        guard mode & 0o077 != 0 || ![0, geteuid()].contains(owner) else { return nil }
    }

    var words: String {
        let text = "0\(String(mode, radix: 8))"
        if ![0, geteuid()].contains(owner) { return "its file is user \(owner)'s, who can change it" }
        if mode & 0o022 != 0 { return "its file can be changed by others (mode \(text))" }
        return "its file can be read by others (mode \(text))"
    }

    var remedy: String { ![0, geteuid()].contains(owner) ? "chown it to the worker's user, and chmod 600 \(path)" : "chmod 600 \(path)" }
}

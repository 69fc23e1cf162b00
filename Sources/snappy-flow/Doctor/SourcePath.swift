import Basics
import Glibc
import StepKit

/// The place on this machine that a system is read from, where its type has such a setting.
struct SourcePath {
    private let path: String?

    /// `isRead`: a place that is only restored to need not be there.
    init(_ type: any SystemType, _ settings: Settings, isRead: Bool) {
        let isPlace = type.schema["path"]?.type == .path && type.scope == .host
        path = isPlace && isRead ? settings.values["path"]?.stringValue : nil
    }

    /// Nil where there is none, or it can be read.
    var problem: (words: String, remedy: String)? {
        guard let path else { return nil }
        var found = stat()
        guard stat(path, &found) == 0 else {
            return ("\(path): \(String(cString: strerror(errno)))", "mount it or make it, or correct `path`")
        }
        let isFolder = found.st_mode & S_IFMT == S_IFDIR
        guard faccessat(AT_FDCWD, path, isFolder ? R_OK | X_OK : R_OK, AT_EACCESS) == 0 else {
            return (
                "\(path): this user can't read it: \(String(cString: strerror(errno)))",
                "run the worker as a user who may, or give it the right"
            )
        }
        return nil
    }
}

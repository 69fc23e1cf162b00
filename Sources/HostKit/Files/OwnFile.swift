import CLinux
public import Basics
import Glibc

/// A file that nobody but this process's user, and root, can change: its folder is another question (`OwnFolder`).
public enum OwnFile {
    /// Throws `Explanation.notPrivate` where somebody else can write what `path` leads to, by its mode or its access list.
    public static func require(_ path: String) throws(Explanation) {
        let file = open(path, (linux_open_name & ~O_NOFOLLOW) | O_CLOEXEC)
        guard file >= 0 else { throw Explanation(errno: errno, doing: "a file", at: path) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw Explanation(errno: errno, doing: "a file that can be examined", at: path) }
        let trust = FolderTrust()
        guard trust.owns(status), !trust.letsOthersWrite(status, file) else { throw trust.refusal(status, file, at: path) }
    }
}

import HostKit
import Glibc
import StorageKit

/// One entry of a folder, open by its name alone (open(2), O_PATH): what is asked of it and set on it is its own, whatever takes its name meanwhile,
/// and never that of what a link leads to.
final class OpenEntry: Sendable {
    private let descriptor: Int32
    let location: String

    /// The folder itself where the name is `.`.
    init(_ name: FileName, in folder: FolderHandle) throws(StorageError) {
        location = name == "." ? folder.path : folder.path + "/" + name.description
        descriptor = FolderHandle.withName(name) { Kernel.openBeneath(folder.descriptor, $0, Kernel.openName, 0) }
        guard descriptor >= 0 else { throw .system(errno, expected: "an entry that was restored", at: location) }
    }

    /// A folder by its absolute path, which may lead over links: it is the operator's.
    init(following path: String) throws(StorageError) {
        location = path
        descriptor = Glibc.open(path, Kernel.openName & ~O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(errno, expected: "a folder that can be opened", at: path) }
    }

    /// What a descriptor, which stays the caller's, is open on: nothing else can become that file while this object lives.
    init(of open: Int32, location: String) throws(StorageError) {
        self.location = location
        descriptor = Glibc.open(Self.place(open), Kernel.openName & ~O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(errno, expected: "a file that is being restored", at: location) }
    }

    deinit { Glibc.close(descriptor) }

    /// A path that leads to this very entry: calls that take no such descriptor take it, and follow it no further, not even a link.
    var place: String { Self.place(descriptor) }
    static func place(_ descriptor: Int32) -> String { "/proc/self/fd/\(descriptor)" }

    func status() throws(StorageError) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(errno, expected: "metadata", at: location) }
        return status
    }

    /// The low twelve bits of its mode; false, with an errno, where they can't be set.
    func setPermissions(_ permissions: mode_t) -> Bool { chmod(place, permissions & 0o7777) == 0 }

    /// Why nobody may change it, root neither; nil where that is not so.
    var protection: StorageError? { .protected(Kernel.protection(descriptor, ""), expected: "to set metadata", at: location) }
}

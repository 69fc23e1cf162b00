import Basics
import Foundation
import Glibc
import HostKit
import StorageKit

/// Clones of all disks of a guest, of one instant, with the files that define it.
///
/// Files can't be cloned together, and a file system that is frozen takes no clones. So they are cloned one after the other, and then it
/// is proved that none was written to in between: each still lies where its clone lies, for whoever writes to a shared extent gets another
/// one. Between a disk's cloning and its proof lies the moment after the last cloning: all clones are what the disks were then.
struct GuestSnapshot: Sendable {
    let disks: [GuestDisk]
    let definition: [String: String]
    let key: String

    /// So often it is tried while somebody writes, and with such a pause (microseconds): between two writes there may be room.
    private static let tries = 40
    private static let pause: UInt32 = 25_000

    private var home: String { disks[0].folder }
    /// Made last, removed first: with it the snapshot is whole.
    var mark: String { "\(home)/\(key).guest" }
    var definitionFolder: String { "\(home)/\(key).definition" }
    var isWhole: Bool { access(mark, F_OK) == 0 }

    /// Makes it; how many tries that took.
    func make(isStopped: () -> Bool) throws -> Int {
        for attempt in 1...Self.tries {
            if isStopped() { throw CancellationError() }
            try remove()
            if try cloneAll(isStopped) {
                try sealed()
                return attempt
            }
            usleep(Self.pause)
        }
        try remove()
        throw StorageError(
            .unavailable, expected: "a moment in which nobody writes to the disks, while they are cloned",
            found: "one that was written to, each of \(Self.tries) times", at: disks.map(\.path).joined(separator: ", "),
            advice: "quiesce what writes to them, the guest or its file systems, in the window of this snapshot", retry: .transient)
    }

    /// False where one was written to before the last was cloned.
    private func cloneAll(_ isStopped: () -> Bool) throws -> Bool {
        let files = DefinitionFiles(paths: definition)
        let defined = definition.isEmpty ? [] : try files.copy(to: definitionFolder)
        for disk in disks { _ = try disk.clone(key).make(copyingAtMost: nil, isStopped: isStopped) }
        for disk in disks {
            guard try Self.isUnchanged(disk, since: disk.clone(key)) else { return false }
        }
        return definition.isEmpty ? true : try files.states() == defined
    }

    private static func isUnchanged(_ disk: GuestDisk, since clone: ImageClone) throws -> Bool {
        let (ours, theirs) = (Glibc.open(disk.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), try ImageClone.open(clone.whole, O_RDONLY))
        defer { for descriptor in [ours, theirs] where descriptor >= 0 { Glibc.close(descriptor) } }
        var (now, then) = (stat(), stat())
        guard ours >= 0, fstat(ours, &now) == 0, fstat(theirs, &then) == 0 else {
            throw StorageError.system(errno, expected: "the disk that was cloned", at: disk.path)
        }
        guard now.st_size == then.st_size else { return false }
        // What is in memory is written before it is looked at.
        guard let original = SharedExtents(ours), let copy = SharedExtents(theirs) else {
            throw StorageError(
                .unsupported, expected: "a file system that tells where a file lies (FS_IOC_FIEMAP)", found: "one that does not",
                at: disk.path, advice: "move the images to xfs with reflink, or to btrfs")
        }
        return original.changes(since: copy, size: Int64(now.st_size)).isEmpty
    }

    /// Every clone has its name and is durable; now the whole has.
    private func sealed() throws {
        let file = Glibc.open(mark, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw StorageError.system(errno, expected: "to name the snapshot", at: mark) }
        defer { Glibc.close(file) }
        let folder = try FolderHandle(opening: home)
        guard fsync(file) == 0, fsync(folder.descriptor) == 0 else {
            throw StorageError.system(errno, expected: "the snapshot's name on disk", at: mark)
        }
    }

    /// Whole or half made. Succeeds when nothing is there.
    func remove() throws {
        guard unlink(mark) == 0 || errno == ENOENT else { throw StorageError.system(errno, expected: "to remove the snapshot", at: mark) }
        if access(definitionFolder, F_OK) == 0 {
            do throws(Explanation) {
                try FolderRemoval.remove(definitionFolder)
            } catch {
                throw StorageError(error)
            }
        }
        for disk in disks { try disk.clone(key).remove() }
        rmdir(home)  // stays while other snapshots are in it
    }
}

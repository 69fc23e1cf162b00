import StorageKit

/// What tells that a file is as the parent snapshot has it, so that it need not be read.
public enum ChangeCheck: String, Sendable, Hashable, CaseIterable {
    /// Size, mtime, ctime and inode: restic's default.
    case metadata
    /// Without the ctime, for file systems where it changes by itself: restic's `--ignore-ctime`.
    case ignoreCtime
    /// Only size and mtime, for file systems that number files anew at each mount: restic's `--ignore-inode`, which leaves out the ctime
    /// as well.
    case ignoreInode
    /// Nothing: every file is read. What has not changed is not stored again, and counts as unmodified.
    case content
}

extension Node {
    /// What is the same in all of these was not written to.
    ///
    /// `readAt` is when the parent's reading began. A time from then on tells nothing: the file may have been written once more within the
    /// same tick of the file system's clock, after it had been read.
    func isUnchanged(since former: Node, by check: ChangeCheck, readAt: FileTime? = nil) -> Bool {
        guard check != .content, type == "file", former.type == "file", size == former.size, modified.time == former.modified.time else {
            return false
        }
        if let readAt, (check == .metadata ? former.changed.time : former.modified.time) >= readAt { return false }
        let hasSameChange = check != .metadata || changed.time == former.changed.time
        return hasSameChange && (check == .ignoreInode || inode == former.inode)
    }
}

import HostKit
import Basics
import Foundation
import Glibc
import StorageKit

/// A freeze of one file system by the kernel (ioctl_fsfreeze(2)). Calls block.
struct Freeze {
    let mount: MountTable.Mount
    let identity: FileSystemIdentity
    private let path: String
    private let key: String

    /// Refuses what is no mount point, and what the mark itself would be frozen with.
    init(of path: String, key: String) throws {
        self.path = path
        self.key = key
        mount = try MountTable.current().mount(at: path)
        let root = try FolderHandle(opening: path)
        guard let identity = FileSystemIdentity(of: root.descriptor) else {
            throw StorageError.system(errno, expected: "a file system that can be told from others", at: path)
        }
        self.identity = identity
        guard FileSystemIdentity(ofPath: FreezeMark.folder) != identity else {
            throw StorageError(
                .unsupported, expected: "a file system that does not hold \(FreezeMark.folder)", found: "the one that does", at: path,
                advice: "mount a tmpfs at /run")
        }
    }

    func begin() throws {
        let root = try FolderHandle(opening: path)
        // What is in memory is written before anybody has to wait for it.
        guard Kernel.syncFileSystem(of: root.descriptor) == 0 else {
            throw StorageError.system(errno, expected: "the file system to write what is in memory", at: path)
        }
        let mark = FreezeMark(key: key, path: path)
        try mark.write(FreezeMark.Record(path: path, fileSystem: identity.text, asking: getpid()))
        guard Kernel.freeze(root.descriptor) == 0 else {
            let code = errno
            mark.remove()
            throw refusal(code)
        }
        try mark.write(FreezeMark.Record(path: path, fileSystem: identity.text))
    }

    private func refusal(_ code: Int32) -> StorageError {
        switch code {
        case EBUSY:
            StorageError(
                .unavailable, expected: "a file system that nobody else has frozen", found: "one that is frozen already", at: path,
                advice: "wait for the other backup, or thaw it if nobody knows of one: `fsfreeze --unfreeze \(path)`", retry: .transient)
        case EOPNOTSUPP, ENOTTY, EINVAL:
            StorageError(
                .unsupported, expected: "a file system that can be frozen (ext4, xfs, btrfs)", found: mount.type, at: path,
                advice: "copy it without a quiesce, or from a snapshot of what is below it")
        case EPERM, EACCES:
            StorageError(
                .accessDenied, expected: "the right to freeze (CAP_SYS_ADMIN)", found: String(cString: strerror(code)), at: path,
                advice: "run the worker as root, or give its service AmbientCapabilities=CAP_SYS_ADMIN")
        default: .system(code, expected: "the file system to freeze", at: path)
        }
    }

    /// Ends a freeze of ours, also one that the kernel is still about to begin for a process that died. False when it was not frozen.
    static func end(_ record: FreezeMark.Record, _ mark: FreezeMark) throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(600)
        while true {
            guard let root = try mounted(record) else {
                mark.remove()
                return false
            }
            if Kernel.thaw(root.descriptor) == 0 {
                mark.remove()
                return true
            }
            guard errno == EINVAL else { throw StorageError.system(errno, expected: "the file system to thaw", at: record.path) }
            let now = mark.read()
            guard let asking = now?.asking, isAtWork(asking) else {
                // It may have been answered between the two questions.
                let thawed = Kernel.thaw(root.descriptor) == 0
                mark.remove()
                return thawed
            }
            guard ContinuousClock.now < deadline else {
                throw StorageError(
                    .failed, expected: "process \(asking) to end what it asked of the kernel", found: "it still waits for the freeze",
                    at: record.path, advice: "look why the disk does not write: `cat /proc/\(asking)/task/*/stack`", retry: .transient)
            }
            usleep(20_000)
        }
    }

    /// The root of the file system, wherever it is mounted now; nil when it is not.
    private static func mounted(_ record: FreezeMark.Record) throws -> FolderHandle? {
        // Others by their devices only: to open the mount of a file server that is gone would never end.
        for point in [record.path] + (try MountTable.current().mounts.filter { $0.device != nil }.map(\.point)) {
            guard let root = try? FolderHandle(opening: point), FileSystemIdentity(of: root.descriptor)?.text == record.fileSystem else {
                continue
            }
            return root
        }
        return nil
    }

    /// Whether a process, or one thread of it that was killed and waits in the kernel, is still there.
    static func isAtWork(_ process: Int32) -> Bool {
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
        return tasks.contains { task in
            guard let text = try? String(contentsOfFile: "/proc/\(process)/task/\(task)/stat", encoding: .utf8),
                let end = text.lastIndex(of: ")")
            else { return false }
            return !["Z", "X"].contains(text[end...].dropFirst(2).prefix(1))
        }
    }
}

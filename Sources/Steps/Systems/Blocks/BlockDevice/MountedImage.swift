import Basics
import HostKit
import FlowModel
import Foundation
import Glibc
import StorageKit

/// The file system within an image, mounted read-only over a loop device. All of it is found again by the key. Calls block.
///
/// Of a snapshot a clone of its own is mounted: what was in flight when it was taken stands in the file system's journal, and mounting writes it out.
struct MountedImage: Sendable {
    let key: String
    /// The live image, or the snapshot's.
    let source: String
    /// What is mounted instead of `source`; nil: `source` itself, which nobody may write to meanwhile.
    let own: ImageClone?

    /// In memory, as mounts are: gone with the machine's power.
    var point: String { Self.folder + "/" + key }
    static var folder: String { (FreezeMark.folder as NSString).deletingLastPathComponent + "/attachments" }

    struct Place: Sendable, Hashable {
        var device: String
        var fileSystem: String
    }

    func make(copyingAtMost limit: ByteCount?, isStopped: () -> Bool) throws -> Place {
        if let own { _ = try own.make(copyingAtMost: limit, isStopped: isStopped) }
        let file = try open()
        defer { Glibc.close(file) }
        let inner = try InnerFileSystem(of: file, at: source)
        try makePoint()
        let device = try LoopDevice(of: file, named: key, isReadOnly: own == nil, at: source)
        defer { device.close() }
        guard Kernel.mountReadOnly(device.path, at: point, type: inner.rawValue, options: inner.options) == 0 else { throw refusal(errno, inner) }
        return Place(device: device.path, fileSystem: inner.rawValue)
    }

    /// Where it is mounted; nil when it is not.
    func place() throws(StorageError) -> Place? {
        guard let mount = try Self.mount(at: point), let device = mount.device, LoopDevice.name(of: device) == key else { return nil }
        return Place(device: device, fileSystem: mount.type)
    }

    static func mount(at point: String) throws(StorageError) -> MountTable.Mount? {
        let real = URL(fileURLWithPath: point).resolvingSymlinksInPath().path
        return try MountTable.current().mounts.last { $0.point == real }
    }

    /// Undoes all of it, whole or half made. Throws while somebody reads it.
    func remove() throws(StorageError) {
        let end = ContinuousClock.now + Self.patience
        while try place() != nil {
            guard Kernel.unmount(point) == 0 else {
                let code = errno
                guard code == EBUSY else { throw .system(code, expected: "to unmount the image", at: point) }
                if ContinuousClock.now < end {
                    usleep(20_000)
                    continue
                }
                throw StorageError(
                    .unavailable, expected: "that nobody reads what is attached any more", found: "somebody has files of it open",
                    at: point,
                    advice: "look who: `lsof \(point)`", retry: .transient)
            }
        }
        try LoopDevice.unmap(named: key)
        guard rmdir(point) == 0 || errno == ENOENT else { throw .system(errno, expected: "to remove the place of the mount", at: point) }
        try own?.remove()
    }

    /// For what is in use, but perhaps only for a moment: a program that some process starts has all files of that process open until it runs, which
    /// on a machine with much to do may take a second.
    private static let patience = Duration.seconds(5)

    private func open() throws -> Int32 {
        if let own { return try ImageClone.open(own.whole, O_RDWR) }
        let end = ContinuousClock.now + Self.patience
        while true {
            do {
                return try openLive()
            } catch let error as StorageError where error.kind == .unavailable && ContinuousClock.now < end {
                usleep(20_000)
            }
        }
    }

    private func openLive() throws -> Int32 {
        var found = stat()
        let isDevice = stat(source, &found) == 0 && found.st_mode & S_IFMT == S_IFBLK
        // Of a device that is mounted or in use, the kernel says so.
        let file = Glibc.open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (isDevice ? O_EXCL : 0))
        let code = errno
        let isBusy = file < 0 ? code == EBUSY : !isDevice && Kernel.isWrittenElsewhere(file)
        guard isBusy else {
            guard file >= 0 else { throw StorageError.system(code, expected: "an image that can be read", at: source) }
            return file
        }
        if file >= 0 { Glibc.close(file) }
        throw StorageError(
            .unavailable, expected: "an image to which nobody writes", found: "one that is in use", at: source,
            advice: isDevice
                ? "copy the mounted file system (`filesystem`), or the device `as: image` while nobody writes"
                : "take a snapshot of it above the copy (`snapshot:`), or stop what uses it")
    }

    private func makePoint() throws {
        let folder = try OwnFolder(making: Self.folder, above: 0o700)
        guard mkdirat(folder.descriptor, key, 0o700) == 0 || errno == EEXIST else {
            throw StorageError.system(errno, expected: "a folder to mount the image at", at: point)
        }
    }

    private func refusal(_ code: Int32, _ inner: InnerFileSystem) -> StorageError {
        switch code {
        case EROFS where own == nil:
            StorageError(
                .unsupported, expected: "a file system that was unmounted in good order", found: "one whose journal has to be replayed",
                at: source,
                advice: "take a snapshot of it above the copy (`snapshot:`): of that a clone is mounted, which may be written to")
        case EPERM, EACCES:
            StorageError(
                .accessDenied, expected: "the right to mount (CAP_SYS_ADMIN)", found: String(cString: strerror(code)), at: source,
                advice: "run the worker as root, outside of a container that may not mount")
        case ENODEV:
            StorageError(
                .unsupported, expected: "a kernel that knows \(inner.rawValue)", found: "one that does not", at: source,
                advice: "load its module on the worker's host, or copy `as: image`")
        default:
            StorageError(
                .failed, expected: "the \(inner.rawValue) in the image to be mounted", found: String(cString: strerror(code)), at: source,
                advice: "look what the kernel says (`dmesg`), check a copy of the image (fsck), or copy `as: image`")
        }
    }
}

import HostKit
import Basics
import Glibc
import StorageKit

/// A file being restored without a name, which it gets when it is whole: nothing of it is left when its restore dies.
///
/// Where a file system knows no files without names (NFS, vfat), it has one of its own until then.
final class RestoredFile: FileWriter {
    private let descriptor: Int32
    private let parent: FolderHandle
    private let name: FileName
    /// Nil while it has no name at all.
    private let unfinished: FileName?
    private let overwrite: Bool
    /// Given the file when it has its name.
    private let named: (@Sendable (OpenEntry) -> Void)?

    init(
        name: FileName, in parent: FolderHandle, size: Int64, overwrite: Bool, named: (@Sendable (OpenEntry) -> Void)? = nil
    ) throws(StorageError) {
        self.name = name
        self.named = named
        self.parent = parent
        self.overwrite = overwrite
        let location = parent.path + "/" + name.description
        let unnamed = Kernel.openBeneath(parent.descriptor, ".", O_WRONLY | Kernel.openUnnamed, 0o600)
        if unnamed >= 0 {
            (descriptor, unfinished) = (unnamed, nil)
        } else {
            guard [EOPNOTSUPP, EISDIR, EINVAL, ENOENT].contains(errno) else {
                throw .refused(errno, expected: "to make a file", name, in: parent)
            }
            let temporary = Self.temporaryName()
            unfinished = temporary
            descriptor = FolderHandle.withName(temporary) {
                Kernel.openBeneath(parent.descriptor, $0, O_WRONLY | O_CREAT | O_EXCL, 0o600)
            }
            guard descriptor >= 0 else { throw .refused(errno, expected: "to make a file", name, in: parent) }
        }
        if ftruncate(descriptor, off_t(size)) != 0 {
            let code = errno
            abandon()
            throw .system(code, expected: "room for \(size.counted("byte"))", at: location)
        }
    }

    /// At most 255 bytes (limits.h NAME_MAX), and a name that no restored file has by chance.
    static func temporaryName() -> FileName {
        FileName(".snappy-flow-\(String(UInt64.random(in: 0 ... .max), radix: 36)).part")
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        var written = 0
        while written < bytes.count {
            let count = pwrite(descriptor, bytes.baseAddress! + written, bytes.count - written, off_t(offset) + off_t(written))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw StorageError.system(errno, expected: "room for the file", at: parent.path + "/" + name.description)
            }
            written += count
        }
    }

    /// Takes over whose file it is, its rights and its labels from what it replaces: who could open that can open this.
    func adopt(_ replaced: stat, _ attributes: [ExtendedAttribute]) {
        _ = fchown(descriptor, replaced.st_uid, replaced.st_gid)
        setAttributes(attributes)
        _ = fchmod(descriptor, replaced.st_mode & 0o7777)
    }

    /// Gives it these, and takes away what the folder above gave it besides.
    func setAttributes(_ attributes: [ExtendedAttribute]) {
        let place = OpenEntry.place(descriptor)
        for name in (try? ExtendedAttributes.names(at: place, parent.path)) ?? []
        where ExtendedAttributes.isOfTheEntry(name) && !attributes.contains(where: { name.elementsEqual($0.name.utf8) }) {
            _ = ExtendedAttributes.remove(name, at: place)
        }
        for attribute in attributes { _ = ExtendedAttributes.set(attribute, at: place) }
    }

    func finish() throws {
        let entry: OpenEntry?
        do { entry = try named.map { _ in try OpenEntry(of: descriptor, location: parent.path + "/" + name.description) } } catch {
            abandon()
            throw error
        }
        let code = nameIt()
        guard code == 0 else {
            abandon()
            let location = parent.path + "/" + name.description
            guard code != EISDIR else {
                throw StorageError(
                    .exists, expected: "a file, or nothing", found: "a folder", at: location,
                    advice: "move the folder away: a restore replaces files, never a folder with what is in it")
            }
            throw StorageError.refused(code, expected: "to name the restored file", name, in: parent)
        }
        if let entry { named?(entry) }
        Glibc.close(descriptor)
    }

    /// Returns an errno, 0 when it has its name.
    private func nameIt() -> Int32 {
        guard let unfinished else {
            let code = link(as: name)
            guard code == EEXIST, overwrite else { return code }
            let temporary = Self.temporaryName()
            let made = link(as: temporary)
            guard made == 0 else { return made }
            let replaced = rename(temporary, replacing: true)
            if replaced != 0 { _ = FolderHandle.withName(temporary) { unlinkat(parent.descriptor, $0, 0) } }
            return replaced
        }
        return rename(unfinished, replacing: overwrite)
    }

    /// Gives the file without a name one that is not taken.
    private func link(as name: FileName) -> Int32 {
        FolderHandle.withName(FileName("/proc/self/fd/\(descriptor)")) { from in
            FolderHandle.withName(name) { to in
                linkat(AT_FDCWD, from, parent.descriptor, to, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno
            }
        }
    }

    private func rename(_ from: FileName, replacing: Bool) -> Int32 {
        FolderHandle.withName(from) { from in
            FolderHandle.withName(name) { to in
                let folder = parent.descriptor
                if replacing { return renameat(folder, from, folder, to) == 0 ? 0 : errno }
                if Kernel.renameNew(folder, from, folder, to) == 0 { return 0 }
                // Many FUSE file systems can't rename without replacing; a second name is refused as well where one is.
                guard errno == EINVAL || errno == ENOSYS else { return errno }
                if linkat(folder, from, folder, to, 0) == 0 { return unlinkat(folder, from, 0) == 0 ? 0 : errno }
                // Nor hard links, some of them: then whoever makes that file in this very moment loses it.
                guard [EPERM, EOPNOTSUPP, ENOSYS, EMLINK].contains(errno) else { return errno }
                guard faccessat(folder, to, F_OK, AT_SYMLINK_NOFOLLOW) != 0 else { return EEXIST }
                return renameat(folder, from, folder, to) == 0 ? 0 : errno
            }
        }
    }

    func abandon() {
        if let unfinished { _ = FolderHandle.withName(unfinished) { unlinkat(parent.descriptor, $0, 0) } }
        Glibc.close(descriptor)
    }
}

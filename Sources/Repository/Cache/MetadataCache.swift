import Basics
import Foundation
import Glibc
import StorageKit
import Synchronization
import Threads

/// Where metadata of repositories are kept on this machine, and how much of each repository.
public struct MetadataCachePlace: Sendable, Hashable {
    /// Holds a folder for each repository, named after its id.
    public var folder: String
    /// Bytes, for each repository.
    public var limit: Int64

    public init(folder: String, limit: Int64) {
        self.folder = folder
        self.limit = limit
    }
}

/// One repository's indexes, snapshots and trees as they lie in its store, encrypted. Every object of it is proved by whoever reads it, by its hash or
/// its seal, so that a damaged file costs a reading of the store and nothing else; what can't be written is not kept. Several processes may share it.
final class MetadataCache: Sendable {
    private let folder: String
    private let limit: Int64
    private let threads = BlockingPool(label: "metadata-cache", width: 2)
    /// Bytes in it, as far as this process knows; nil until it has looked.
    private let size = Mutex<Int64?>(nil)
    /// Hears once that there is no room, which costs nobody anything but time.
    private let report: @Sendable (RetryEvent) -> Void
    private let isFull = Mutex(false)

    /// A file that was used within this many seconds is not marked as used again.
    private static let freshness = 3600.0
    /// What half made files may be old, seconds, before they count as left behind.
    private static let patience = 3600.0

    init(_ place: MetadataCachePlace, repository id: String, report: @escaping @Sendable (RetryEvent) -> Void = { _ in }) {
        self.report = report
        folder = place.folder + "/" + id
        limit = place.limit
    }

    func read(_ name: String) async -> [UInt8]? { try? await threads.run { [self] in load(name) } }
    func write(_ name: String, _ bytes: [UInt8]) async { try? await threads.run { [self] in store(name, bytes) } }
    func remove(_ name: String) async { try? await threads.run { [self] in _ = unlink(path(name)) } }

    /// Names have a `/` after what they are; a folder holds one of 256 parts of them.
    private func path(_ name: String) -> String {
        let parts = name.split(separator: "/", maxSplits: 1)
        guard parts.count == 2 else { return "\(folder)/\(name)" }
        return "\(folder)/\(parts[0])/\(parts[1].prefix(2))/\(parts[1])"
    }

    private func load(_ name: String) -> [UInt8]? {
        let file = open(path(name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_size <= limit else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress?.advanced(by: done), $0.count - done) }
            guard count > 0 else { return nil }
            done += count
        }
        if Date().timeIntervalSince1970 - Double(status.st_mtim.tv_sec) > Self.freshness { futimens(file, nil) }
        return bytes
    }

    private func store(_ name: String, _ bytes: [UInt8]) {
        guard Int64(bytes.count) <= limit / 4 else { return }
        let path = path(name)
        let parent = (path as NSString).deletingLastPathComponent
        guard makeRoom(for: Int64(bytes.count)), makeFolder(parent) else { return }
        let temporary = "\(parent)/.\(UInt64.random(in: .min ... .max))"
        let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { return note(errno) }
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress?.advanced(by: done), $0.count - done) }
            guard count > 0 else {
                note(errno)
                break
            }
            done += count
        }
        close(file)
        guard done == bytes.count, rename(temporary, path) == 0 else {
            unlink(temporary)
            return
        }
        size.withLock { $0? += Int64(bytes.count) }
    }

    private func note(_ code: Int32) {
        guard code == ENOSPC || code == EDQUOT else { return }
        let isNew = isFull.withLock { isFull in
            defer { isFull = true }
            return !isFull
        }
        guard isNew else { return }
        report(
            .keepsNothing(
                StorageError(
                    .noSpace, expected: "room for metadata", found: String(cString: strerror(code)), at: folder,
                    advice: "free space there, or name another place with XDG_CACHE_HOME", retry: .transient)))
    }

    private func makeFolder(_ parent: String) -> Bool {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: parent, isDirectory: &isFolder) { return isFolder.boolValue }
        do {
            try FileManager.default.createDirectory(
                atPath: parent, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            if (error as? CocoaError)?.code == .fileWriteOutOfSpace { note(ENOSPC) }
            return false
        }
        // Backups leave such folders out (bford.info/cachedir).
        let tag =
            "Signature: 8a477f597d28d172789f06886806bc55\n# Metadata of a repository, kept by snappy-flow; may be removed at any time\n"
        try? tag.write(toFile: folder + "/CACHEDIR.TAG", atomically: true, encoding: .utf8)
        return true
    }

    // MARK: its size

    private struct Kept {
        var path: String
        var used: Int64
        var bytes: Int64
    }

    /// What was not used for longest goes first, until nine tenths of the limit are left. Two processes that do so at once remove a little more.
    private func makeRoom(for bytes: Int64) -> Bool {
        if let known = size.withLock({ $0 }), known + bytes <= limit { return true }
        let kept = files()
        var total = kept.reduce(0) { $0 + $1.bytes }
        if total + bytes > limit {
            for file in kept.sorted(by: { $0.used < $1.used }) {
                guard total + bytes > limit * 9 / 10 else { break }
                if unlink(file.path) == 0 || errno == ENOENT { total -= file.bytes }
            }
        }
        size.withLock { $0 = total }
        return total + bytes <= limit
    }

    private func files() -> [Kept] {
        guard let names = FileManager.default.enumerator(atPath: folder) else { return [] }
        var found: [Kept] = []
        let now = Int64(Date().timeIntervalSince1970)
        while let name = names.nextObject() as? String {
            let path = folder + "/" + name
            var status = stat()
            guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, name != "CACHEDIR.TAG" else { continue }
            if name.split(separator: "/").last?.first == ".", now - Int64(status.st_mtim.tv_sec) > Int64(Self.patience) {
                unlink(path)
                continue
            }
            found.append(Kept(path: path, used: Int64(status.st_mtim.tv_sec), bytes: Int64(status.st_size)))
        }
        return found
    }
}

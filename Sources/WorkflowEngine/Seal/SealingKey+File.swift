import Crypto
public import Basics
import Foundation
import HostKit

extension SealingKey {
    /// The key in a file that only this user can read; made when there is none. The folder is made too, and must be one that nobody else can write, nor
    /// exchange.
    /// Any number of processes may make it at once: they come to have the same.
    public init(file path: String, maker: String) throws(Explanation) {
        let parent = (path as NSString).deletingLastPathComponent
        let own: OwnFolder
        do throws(Explanation) {
            own = try OwnFolder(making: parent, mode: 0o711)
        } catch {
            throw Explanation(key: error.found, at: error.location)
        }
        defer { withExtendedLifetime(own) {} }
        let folder = own.descriptor
        let name = (path as NSString).lastPathComponent
        if try Self.read(folder, name, path) == nil { try Self.make(folder, name, path) }
        guard let bytes = try Self.read(folder, name, path) else { throw Explanation(key: "none, though it was just made", at: path) }
        self.init(bytes: bytes, maker: maker)
    }

    /// Nil when there is none.
    private static func read(_ folder: Int32, _ name: String, _ path: String) throws(Explanation) -> [UInt8]? {
        let file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw Explanation(key: errorText, at: path)
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(), status.st_mode & 0o077 == 0 else {
            throw Explanation(
                key: "a file of user \(status.st_uid), mode 0\(String(status.st_mode & 0o7777, radix: 8))", at: path)
        }
        var bytes = [UInt8](repeating: 0, count: byteCount + 1)
        let count = bytes.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress, $0.count) }
        guard count == byteCount else { throw Explanation(key: count < 0 ? errorText : "\(count) bytes or more", at: path) }
        return Array(bytes.prefix(byteCount))
    }

    /// Whole under a name of its own first; of several that are made at once the first link counts.
    private static func make(_ folder: Int32, _ name: String, _ path: String) throws(Explanation) {
        let draft = "\(name).\(UInt64.random(in: .min ... .max))"
        let file = openat(folder, draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Explanation(key: errorText, at: path) }
        defer {
            close(file)
            unlinkat(folder, draft, 0)
        }
        let bytes = RandomBytes.make(byteCount)
        guard bytes.withUnsafeBytes({ write(file, $0.baseAddress, $0.count) }) == byteCount, fsync(file) == 0 else {
            throw Explanation(key: errorText, at: path)
        }
        guard linkat(folder, draft, folder, name, 0) == 0 || errno == EEXIST else { throw Explanation(key: errorText, at: path) }
        fsync(folder)
    }

    private static var errorText: String { String(cString: strerror(errno)) }
}

extension Explanation {
    /// The key can't be had, or can't be trusted.
    fileprivate init(key found: String, at location: String) {
        self.init(
            .noSealingKey,
            expected: "a key of \(SealingKey.byteCount) bytes that only this user can read, in a folder that only this user can write",
            found: found, at: location,
            advice:
                "give the folder to this user and take the others' right to write it (a key that is lost or damaged is removed: jobs sealed with it are then held by workers' allow-lists)"
        )
    }
}

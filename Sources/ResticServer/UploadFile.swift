import Crypto
import Glibc
import HostKit

/// An object on its way in, hashed as it comes. Used by one call at a time; every call blocks.
final class UploadFile: @unchecked Sendable {
    /// Bytes so far.
    private(set) var count: Int64 = 0
    private let file: NewFile
    private let digest = SHA256()

    /// Marks names that a process which was killed may have left, where the file system knows no files without names.
    static let suffix = "-upload"

    init(target: String) throws(Refusal) {
        func make() throws(FileFailure) -> NewFile {
            try NewFile(target: target) { "\($0)-\(String(UInt64.random(in: .min ... .max), radix: 36))\(Self.suffix)" }
        }
        do {
            do { file = try make() } catch  where error.code == ENOENT {  // restic's own server makes what is missing in `data`
                mkdir(target.lastIndex(of: "/").map { String(target[..<$0]) } ?? ".", 0o700)
                file = try make()
            }
        } catch {
            throw Refusal(errno: error.code, "an upload")
        }
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(Refusal) {
        digest.update(bytes)
        var done = 0
        while done < bytes.count {
            let put = write(file.descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
            if put < 0, errno == EINTR { continue }
            guard put > 0 else { throw Refusal(errno: put == 0 ? ENOSPC : errno, "an upload") }
            done += put
        }
        count += Int64(bytes.count)
    }

    /// Makes it durable and gives it its name, unless another has that. `expected`: what its content must hash to.
    func store(expected: SHA256Digest?) throws(Refusal) {
        let found = digest.finish()
        if let expected, found != expected {
            throw Refusal(.mismatch, "the body's SHA-256 is \(found), not the name \(expected): it was damaged on its way; send it again")
        }
        do { try file.publish() } catch { throw Refusal(errno: error.code, "an upload") }
        // A server reads seldom what it just wrote.
        _ = posix_fadvise(file.descriptor, 0, 0, POSIX_FADV_DONTNEED)
    }
}

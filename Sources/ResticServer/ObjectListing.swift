import Crypto
import Glibc

/// The objects of one folder, some at a time: a folder of millions is never in memory as a whole. Used by one call at a time; every call blocks.
final class ObjectListing: @unchecked Sendable {
    private let folder: String
    private let stream: OpaquePointer

    static let part = 4096

    init(_ folder: String) throws(Refusal) {
        guard let stream = opendir(folder) else { throw Refusal(errno: errno, "a list") }
        self.folder = folder
        self.stream = stream
    }

    deinit { closedir(stream) }

    /// The next ones, foreign files left out; nil at the end.
    func next() throws(Refusal) -> [(id: SHA256Digest, size: Int64)]? {
        var found: [(id: SHA256Digest, size: Int64)] = []
        while found.count < Self.part {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw Refusal(errno: errno, "a list") }
                return found.isEmpty ? nil : found
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix(while: { $0 != 0 }), as: UTF8.self) }
            guard let id = SHA256Digest(hex: name.utf8), let size = try RepositoryFolder.size("\(folder)/\(name)") else { continue }
            found.append((id, size))
        }
        return found
    }
}

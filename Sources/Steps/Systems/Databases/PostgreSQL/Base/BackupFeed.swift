import Basics
import PostgreSQL
import StorageKit

/// The messages of a base backup as PostgreSQL 15 and newer send them (manual 55.4, BASE_BACKUP): archives one after another, then the
/// manifest, all in one stream of copy data. Used by one thread at a time.
final class BackupFeed {
    enum Part: Equatable {
        /// `location` is the tablespace's folder on the server, empty for the data folder.
        case archive(name: String, location: String)
        case manifest
    }

    private let session: ReplicationSession
    /// Data of the part at hand that nobody took yet.
    private var chunk: [UInt8] = []
    private var position = 0
    private var pending: Part?
    private var hasEnded = false
    /// The server's last word: where the backup ended.
    private(set) var ending: Rows?

    init(_ session: ReplicationSession) { self.session = session }

    /// The next part; what is left of the one at hand is dropped. Nil when the stream ended.
    func nextPart() throws -> Part? {
        while pending == nil, !hasEnded { try advance() }
        defer { pending = nil }
        position = chunk.count
        return pending
    }

    /// Data of the part at hand; 0 at its end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        while position == chunk.count {
            guard pending == nil, !hasEnded else { return 0 }
            try advance()
        }
        let count = min(buffer.count, chunk.count - position)
        chunk.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[position..<position + count])) }
        position += count
        return count
    }

    /// Takes one message.
    private func advance() throws {
        do {
            try takeMessage()
        } catch let error as PostgreSQLError {
            throw BaseBackup.explained(error, at: error.location)
        }
    }

    private func takeMessage() throws {
        let isMessage: Void? = try session.message { bytes in
            let body = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
            switch bytes.first {
            case UInt8(ascii: "d"):
                chunk.removeAll(keepingCapacity: true)
                chunk.append(contentsOf: body)
                position = 0
            case UInt8(ascii: "n"):
                let texts = body.split(separator: 0, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
                guard texts.count >= 2 else { throw stranger("an archive without a name") }
                pending = .archive(name: texts[0], location: texts[1])
            case UInt8(ascii: "m"): pending = .manifest
            case UInt8(ascii: "p"): break  // progress
            case let other: throw stranger("a message of type \(other.map { String(Unicode.Scalar($0)) } ?? "none")")
            }
        }
        guard isMessage == nil else { return }
        hasEnded = true
        // Where it broke off, this is what throws, with the server's reason.
        if case .rows(let rows)? = try session.next() { ending = rows }
    }

    private func stranger(_ found: String) -> StorageError {
        StorageError(
            .unsupported, expected: "a base backup as PostgreSQL 15 and newer send it", found: found, at: "the replication connection",
            advice: "use a newer snappy-flow for this server")
    }
}

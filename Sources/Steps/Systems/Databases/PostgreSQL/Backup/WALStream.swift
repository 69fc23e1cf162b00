import Basics
import PostgreSQL
import StepKit
import StorageKit

/// One segment of WAL as the server streams it (manual 55.4, START_REPLICATION PHYSICAL), zeros behind the backup's end. Used by one thread at
/// a time; its calls block.
final class WALStream {
    private let session: ReplicationSession
    private var chunk: [UInt8] = []
    private var taken = 0
    /// What comes next, and where the segment and what is needed of it end.
    private var position: UInt64
    private let needed: UInt64
    private let end: UInt64

    init(_ range: WALRange, segment: UInt64, from connection: ConnectionSettings) throws {
        position = segment * range.segmentBytes
        end = position + range.segmentBytes
        needed = min(end, range.end)
        do {
            session = try ReplicationSession(connection)
            try session.send("START_REPLICATION PHYSICAL \(WALRange.text(position)) TIMELINE \(range.timeline)")
            guard case .copyBoth? = try session.next() else { throw Self.stranger }
        } catch let error as PostgreSQLError {
            throw BaseBackup.explained(error, at: error.location)
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        if position >= needed {
            let count = Int(min(UInt64(buffer.count), end - position))
            UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]).initializeMemory(as: UInt8.self, repeating: 0)
            position += UInt64(count)
            return count
        }
        while taken == chunk.count { try advance() }
        let count = Int(min(UInt64(buffer.count), UInt64(chunk.count - taken), needed - position))
        chunk.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[taken..<taken + count])) }
        taken += count
        position += UInt64(count)
        return count
    }

    /// `w`, then start, end and time of 8 bytes each, then WAL. Everything else is talk.
    private func advance() throws {
        do {
            let isMessage: Void? = try session.message { bytes in
                guard bytes.first == UInt8(ascii: "w"), bytes.count > 25 else { return }
                let start = bytes[1..<9].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                guard start == position else { throw Self.stranger }
                chunk = Array(bytes[25...])
                taken = 0
            }
            guard isMessage != nil else {
                while try session.next() != nil {}
                throw Self.stranger
            }
        } catch let error as PostgreSQLError {
            throw BaseBackup.explained(error, at: error.location)
        }
    }

    private static var stranger: StepError {
        StepError(
            .walMissing, expected: "the WAL of the backup", found: "the server stopped sending it", at: "the replication connection",
            advice: "retry; if it recurs, look at the server's log", retry: .transient)
    }
}

import Basics
import StorageKit

/// Reads a tar archive as it streams in: ustar, pax and GNU tar's own. Memory is that of one header. Used by one thread at a time.
///
/// Sparse files and archives of several volumes are refused: half understood, they would be files of the wrong content.
public final class TarReader {
    /// What one entry's names and attributes may take: Linux allows 64 KiB of names and as much for each value.
    private static let mostOfExtension: Int64 = 16 << 20

    private let archive: String
    /// Fills the buffer as far as it can; 0 at the end of the archive.
    private let read: (UnsafeMutableRawBufferPointer) throws -> Int
    /// Of the entry at hand: content not read yet, and what fills its last block.
    private var left: Int64 = 0
    private var padding: Int64 = 0
    private var global = PaxRecords()
    private var hasEnded = false

    /// `archive` names it in errors. `read` fills the buffer as far as it can, and answers 0 at the end; what it throws is passed on.
    public init(_ archive: String, read: @escaping (UnsafeMutableRawBufferPointer) throws -> Int) {
        self.archive = archive
        self.read = read
    }

    /// The next entry; what the one before it has left is skipped. Nil at the archive's own end. Throws `StorageError`: `.truncated` for an
    /// archive without an end, `.invalid` for what is none, or leads out of its root.
    public func next() throws -> TarHeader? {
        guard !hasEnded else { return nil }
        try skip(left)
        try skip(padding)
        (left, padding) = (0, 0)
        var records = global
        var (longName, longLink): ([UInt8]?, [UInt8]?)
        while true {
            let block = try withUnsafeTemporaryAllocation(byteCount: TarHeader.blockBytes, alignment: 16) { memory in
                try fill(memory)
                return try TarBlock(UnsafeRawBufferPointer(memory), of: archive)
            }
            guard let block else {
                hasEnded = true
                return nil
            }
            switch block.type {
            case TarType.extended: records.merge(try extended(block))
            case TarType.global:
                global.merge(try extended(block))
                records = global
            case TarType.longName: longName = Array(try text(block).prefix { $0 != 0 })
            case TarType.longLink: longLink = Array(try text(block).prefix { $0 != 0 })
            default:
                let header = try TarHeader(block, records, longName: longName, longLink: longLink, of: archive)
                left = header.contentBytes
                padding = Int64(TarHeader.padding(after: left).count)
                return header
            }
        }
    }

    /// Content of the entry at hand; 0 at its end.
    public func readContent(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let wanted = Int(min(Int64(buffer.count), left))
        guard wanted > 0 else { return 0 }
        try fill(UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]))
        left -= Int64(wanted)
        return wanted
    }

    private func extended(_ block: TarBlock) throws -> PaxRecords {
        guard let records = PaxRecords(try text(block)) else {
            throw StorageError.tar("records of an extended header", "something else", archive)
        }
        return records
    }

    /// What follows a block that is no entry.
    private func text(_ block: TarBlock) throws -> [UInt8] {
        guard block.size <= Self.mostOfExtension else {
            throw StorageError.tar("at most \(Self.mostOfExtension) bytes of names and attributes", "\(block.size)", archive)
        }
        let count = Int(block.size)
        let bytes = try [UInt8](unsafeUninitializedCapacity: count) { memory, filled in
            try fill(UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: memory[..<count])))
            filled = count
        }
        try skip(Int64(TarHeader.padding(after: block.size).count))
        return bytes
    }

    private func skip(_ count: Int64) throws {
        var rest = count
        try withUnsafeTemporaryAllocation(byteCount: 32 << 10, alignment: 16) { buffer in
            while rest > 0 {
                let slice = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(min(Int64(buffer.count), rest))])
                try fill(slice)
                rest -= Int64(slice.count)
            }
        }
    }

    private func fill(_ buffer: UnsafeMutableRawBufferPointer) throws {
        var filled = 0
        while filled < buffer.count {
            let count = try read(UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
            guard count > 0 else {
                throw StorageError(
                    .truncated, expected: "the whole archive \(archive)", found: "its end in the middle of an entry", at: archive,
                    advice: "repeat the copy", retry: .transient)
            }
            filled += count
        }
    }
}

import Crypto
import FlowModel

@testable import Repository

/// Objects of a repository once they are unsealed: whoever has its key may have written anything.
enum RepositoryReadings {
    private static let id = SHA256.digest([])

    /// Nil where it is refused.
    private static func read<Value>(_ body: () throws -> Value) throws -> Value? {
        do {
            return try body()
        } catch is RepositoryError {
            return nil
        }
    }

    /// Reading alone: what it costs to try a password is bounded elsewhere.
    static func key(_ input: [UInt8]) throws {
        _ = try read { try KeyFile(decoding: input, at: "keys/input") }
    }

    static func index(_ input: [UInt8]) throws {
        guard let file = try read({ try IndexFile(decoding: input, at: "index/input") }) else { return }
        let again = try IndexFile(decoding: file.encoded, at: "index/again")
        try FuzzFailure.require(
            again.packs.map(\.id) == file.packs.map(\.id) && again.packs.map(\.blobs) == file.packs.map(\.blobs),
            "an index that is written comes back as another")
    }

    static func pack(_ input: [UInt8]) throws {
        guard let blobs = try read({ try PackHeader.decode(input, at: "data/input") }) else { return }
        let again = try PackHeader.decode(PackHeader.encode(blobs), at: "data/again")
        try FuzzFailure.require(again == blobs, "a header that is written comes back as another")
        var end: UInt64 = 0
        for blob in blobs {
            try FuzzFailure.require(UInt64(blob.offset) == end, "blobs that do not follow one another")
            end += UInt64(blob.length)
        }
    }

    /// Whole, and in pieces: what one of them reads the other reads too, and alike.
    static func tree(_ input: [UInt8]) throws {
        let whole = try read { try Tree(decoding: input, id: id) }
        if let whole {
            let again = try Tree(decoding: whole.encoded, id: id)
            try FuzzFailure.require(again.encoded == whole.encoded, "a tree that is written comes back as another")
        }
        let cut = input.count / 3
        let pieces = try read { () throws -> Tree in
            var splitter = TreeSplitter(id, memory: .max, entry: .max)
            try input.withUnsafeBytes { bytes in
                try splitter.take(UnsafeRawBufferPointer(rebasing: bytes[..<cut]))
                try splitter.take(UnsafeRawBufferPointer(rebasing: bytes[cut...]))
            }
            return try splitter.finish()
        }
        if let whole, let pieces {
            try FuzzFailure.require(whole.encoded == pieces.encoded, "in pieces a tree is another")
        }
    }

    static func snapshot(_ input: [UInt8]) throws {
        guard let snapshot = try read({ try Snapshot(decoding: input, id: id.hex) }) else { return }
        let again = try Snapshot(decoding: snapshot.encoded, id: id.hex)
        try FuzzFailure.require(again == snapshot, "a snapshot that is written comes back as another")
    }
}

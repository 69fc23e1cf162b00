import Basics
import FlowModel
import Glibc
import StorageKit

/// Where an image is restored to: a new one, which gets its name when it is whole, or one that is there and that nobody uses.
final class RBDTarget: ImageWriter {
    private let pool: CephPool
    private let name: String
    /// The name of a new image until it is whole.
    private let unfinished: String?
    private let writer: RBDImage

    init(_ name: String, in pool: CephPool, size: Int64, shape: RBDShape, overwrite: Bool) throws(StorageError) {
        self.pool = pool
        self.name = name
        let there: RBDImage?
        do { there = try RBDImage(name, in: pool, .readOnly) } catch {
            guard error.kind == .notFound else { throw error }
            there = nil
        }
        guard let there else {
            let temporary = name + RBDImage.markOfOurs + "restore"
            try Self.removeLeftover(temporary, pool)
            try pool.makeImage(temporary, size: size, shape)
            unfinished = temporary
            writer = try RBDImage(temporary, in: pool, .readWrite)
            return
        }
        guard overwrite else {
            throw StorageError(
                .exists, expected: "no image of that name", found: "one of \(try there.size().counted("byte"))", at: there.location,
                advice: "choose another name, or allow overwriting (`overwrite: true`)")
        }
        try Self.refuseInUse(there)
        unfinished = nil
        writer = try RBDImage(name, in: pool, .readWrite)
        if try writer.size() != size { try writer.resize(to: size) }
    }

    /// A part of an image that is there.
    init(_ name: String, in pool: CephPool, within part: Range<Int64>) throws(StorageError) {
        let there = try RBDImage(name, in: pool, .readOnly)
        let size = try there.size()
        guard size >= part.upperBound else {
            throw StorageError(
                .noSpace, expected: "an image of at least \(part.upperBound.counted("byte"))", found: "one of \(size)", at: there.location,
                advice: "choose another range, or restore the whole image")
        }
        try Self.refuseInUse(there)
        self.pool = pool
        self.name = name
        unfinished = nil
        writer = try RBDImage(name, in: pool, .readWrite)
    }

    private static func refuseInUse(_ image: RBDImage) throws(StorageError) {
        let users = try image.watchers()
        guard users.isEmpty else {
            throw StorageError(
                .failed, expected: "an image that nobody uses", found: "it is open at \(users.joined(separator: ", "))",
                at: image.location, advice: "stop the guest; see `rbd status \(image.location)`")
        }
    }

    /// What a restore that died left behind. One that is at work is left alone.
    private static func removeLeftover(_ name: String, _ pool: CephPool) throws(StorageError) {
        let users: [String]
        do { users = try RBDImage(name, in: pool, .readOnly).watchers() } catch {
            guard error.kind == .notFound else { throw error }
            return
        }
        guard users.isEmpty else {
            throw StorageError(
                .unavailable, expected: "one restore of an image at a time", found: "another one, at \(users.joined(separator: ", "))",
                at: "\(pool.name)/\(name)", advice: "wait for it to end; `rbd status` shows it", retry: .transient)
        }
        try pool.removeImage(name)
    }

    var replaces: Bool { unfinished == nil }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws { try writer.write(bytes, at: offset) }

    func zero(_ range: Range<Int64>) throws {
        // A new image is one hole.
        if unfinished == nil, !range.isEmpty { try writer.zero(range) }
    }

    func finish() throws {
        try writer.flush()
        guard let unfinished else { return }
        try pool.renameImage(unfinished, to: name)
    }

    func abandon() {
        guard let unfinished else { return }
        writer.close()
        try? pool.removeImage(unfinished)
    }
}

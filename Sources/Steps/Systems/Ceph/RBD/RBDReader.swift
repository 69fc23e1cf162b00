import Basics
import FlowModel
import StepKit
import StorageKit

/// A snapshot of an image, or the image itself, as it is read.
struct RBDReader: ImageReader {
    let image: RBDImage
    let point: RBDPoint?
    /// The id of the group's part of the image, where that is what is read.
    var groupSnapshot: UInt64?
    let size: Int64
    /// By which a restore makes an image of the same shape.
    let attributes: [ExtendedAttribute]
    /// The smallest thing a guest's disk writes.
    let granularity: Int64 = 4096

    func allocatedExtents() throws -> [Range<Int64>] { try image.extents(within: [0..<size]) }

    func allocatedExtents(within ranges: [Range<Int64>]) throws -> [Range<Int64>] {
        try image.extents(within: ranges)
    }

    /// Nil when the base's snapshot is gone, or is of another image of the same name.
    func changedExtents(since base: JSONValue) throws -> [Range<Int64>]? { try changes(since: base)?.ranges }

    func changes(since base: JSONValue) throws -> ImageChanges? {
        guard let former = try? base.decoded(as: SystemSnapshot.self).state.decoded(as: RBDPoint.self), let point else { return nil }
        guard former.cluster == point.cluster, former.pool == point.pool, former.image == point.image, try isThere(former) else {
            return nil
        }
        let changes: ImageChanges
        do { changes = try image.changes(since: former.name) } catch {
            guard try isThere(former) else { return nil }
            throw error
        }
        // Another run may have given the base up meanwhile: librbd then compares with what is left of it.
        return try isThere(former) ? changes : nil
    }

    /// As the image's objects say now: under its name, with that snapshot, and with the group's.
    private func isThere(_ point: RBDPoint) throws -> Bool {
        let pool = image.pool
        return try pool.imageID(image.name) == point.image
            && pool.snapshotName(point.snapshot, ofImage: point.image) == point.name
            && groupSnapshot.map { try pool.snapshotName($0, ofImage: point.image) != nil } ?? true
    }

    /// librbd goes on reading a snapshot that was removed, and an image that was deleted: zeros, and what was written since.
    func confirm() throws {
        guard let point, try !isThere(point) else { return }
        throw StorageError(
            .changed, expected: "the snapshot \(point.name) until all of it was read", found: "it was removed meanwhile, or its image",
            at: image.location,
            advice:
                "what was read is no copy, and none was recorded; run the pipeline again, and leave its snapshots alone while it runs")
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws { try image.read(into: buffer, at: offset) }
}

/// One snapshot of one image, by what can't be given to another.
struct RBDPoint: Sendable, Hashable, Codable {
    /// The cluster's id, the pool's, the image's and the snapshot's.
    var cluster: String
    var pool: Int64
    var image: String
    var snapshot: UInt64
    var name: String
    /// The instant that it shares with snapshots of other images; nil for one of its own. What is read is that of the group then, and
    /// this one, taken just before, is where the next difference starts: what changed since contains what changed since the group's.
    var group: String?
    /// The image that holds the snapshot for as long as it is read, in the same pool; nil for none.
    var clone: String?
}

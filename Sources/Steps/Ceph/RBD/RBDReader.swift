#if Ceph
    import FlowModel
    import StepKit
    import StorageKit

    /// A snapshot of an image, or the image itself, as it is read.
    struct RBDReader: ImageReader {
        let image: RBDImage
        let point: RBDPoint?
        let size: Int64
        /// By which a restore makes an image of the same shape.
        let attributes: [ExtendedAttribute]
        /// The smallest thing a guest's disk writes.
        let granularity: Int64 = 4096

        func allocatedExtents() throws -> [Range<Int64>] { try image.extents(since: nil, onlyExisting: true) }

        /// Nil when the base's snapshot is gone, or is of another image of the same name.
        func changedExtents(since base: JSONValue) throws -> [Range<Int64>]? {
            guard let former = try? base.decoded(as: SystemSnapshot.self).state.decoded(as: RBDPoint.self), let point else { return nil }
            guard former.cluster == point.cluster, former.pool == point.pool, former.image == point.image,
                try image.snapshots()[former.name] == former.snapshot
            else { return nil }
            return try image.extents(since: former.name, onlyExisting: false)
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
    }
#endif

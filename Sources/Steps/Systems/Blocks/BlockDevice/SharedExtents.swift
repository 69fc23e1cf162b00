import HostKit
import Foundation
import StorageKit

/// Where a file's bytes lie on its disk (FS_IOC_FIEMAP). Two clones that lie in the same place hold the same: a file system that shares
/// extents never writes to a shared one.
struct SharedExtents: Sendable, Equatable {
    struct Extent: Sendable, Hashable {
        var logical: Range<Int64>
        /// Bytes from the disk's start; nil where that says nothing of the content (inline, compressed, not written yet, not shared).
        var physical: Int64?
        /// Allocated and never written: reads as zeros.
        var isUnwritten = false
    }

    let extents: [Extent]

    init(_ extents: [Extent]) { self.extents = extents }

    private static let batch: UInt32 = 1024
    /// Everything but LAST, UNWRITTEN, MERGED and SHARED (linux/fiemap.h).
    private static let opaque: UInt32 = ~(0x0001 | 0x0800 | 0x1000 | 0x2000)

    /// Nil when the file system does not tell.
    init?(_ descriptor: Int32) {
        var found: [Extent] = []
        var start: UInt64 = 0
        while true {
            guard let extents = Kernel.extents(of: descriptor, from: start, most: Self.batch) else { return nil }
            var isLast = extents.isEmpty
            for extent in extents {
                let logical = Int64(extent.logical)..<Int64(extent.logical + extent.length)
                let isTrusted = extent.flags & Self.opaque == 0 && extent.flags & 0x2000 != 0
                found.append(
                    Extent(
                        logical: logical, physical: isTrusted ? Int64(extent.physical) : nil, isUnwritten: extent.flags & 0x0800 != 0))
                start = extent.logical + extent.length
                isLast = isLast || extent.flags & 0x0001 != 0
            }
            if isLast { break }
        }
        extents = found
    }

    /// The ranges of a file of `size` bytes that may differ from what `base` is. Pure.
    func changes(since base: SharedExtents, size: Int64) -> [Range<Int64>] {
        let (ours, theirs) = (pieces(upTo: size), base.pieces(upTo: size))
        var changes: [Range<Int64>] = []
        var (left, right) = (0, 0)
        var offset: Int64 = 0
        while offset < size {
            while left < ours.count, ours[left].logical.upperBound <= offset { left += 1 }
            while right < theirs.count, theirs[right].logical.upperBound <= offset { right += 1 }
            guard left < ours.count, right < theirs.count else { break }
            let (one, other) = (ours[left], theirs[right])
            let end = min(one.logical.upperBound, other.logical.upperBound)
            if !Self.isSame(one, other, at: offset) {
                if let last = changes.last, last.upperBound == offset {
                    changes[changes.count - 1] = last.lowerBound..<end
                } else {
                    changes.append(offset..<end)
                }
            }
            offset = end
        }
        return changes
    }

    private static func isSame(_ one: Extent, _ other: Extent, at offset: Int64) -> Bool {
        if one.isUnwritten && other.isUnwritten { return true }
        guard !one.isUnwritten, !other.isUnwritten, let here = one.physical, let there = other.physical else { return false }
        return here + (offset - one.logical.lowerBound) == there + (offset - other.logical.lowerBound)
    }

    /// The extents with the holes between them, which read as zeros as unwritten ones do, up to `size`.
    private func pieces(upTo size: Int64) -> [Extent] {
        var pieces: [Extent] = []
        var offset: Int64 = 0
        for extent in extents where extent.logical.lowerBound < size {
            if extent.logical.lowerBound > offset {
                pieces.append(Extent(logical: offset..<extent.logical.lowerBound, isUnwritten: true))
            }
            pieces.append(extent)
            offset = extent.logical.upperBound
        }
        if offset < size { pieces.append(Extent(logical: offset..<size, isUnwritten: true)) }
        return pieces
    }
}

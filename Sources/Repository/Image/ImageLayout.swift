import StorageKit

/// What an image holds, extent by extent, and how that is spelled as a file's list of blobs. A pure value.
///
/// Extents have one size, a power of two, but for the last. Empty ones are spelled by rule, so that equal images have equal lists.
struct ImageLayout: Sendable, Equatable {
    enum Extent: Sendable, Hashable {
        case zero
        case blob(ObjectID)
        /// The repository does not have its blob any more.
        case lost
    }

    /// Bytes.
    let size: Int64
    let extentSize: Int64
    var extents: [Extent]

    /// An image of zeros.
    init(size: Int64, extentSize: Int64) {
        self.size = size
        self.extentSize = extentSize
        extents = Array(repeating: .zero, count: Self.count(size: size, extentSize: extentSize))
    }

    static func count(size: Int64, extentSize: Int64) -> Int { Int((size + extentSize - 1) / extentSize) }

    /// The bytes of one extent.
    func range(_ index: Int) -> Range<Int64> { Self.range(index, size: size, extentSize: extentSize) }

    static func range(_ index: Int, size: Int64, extentSize: Int64) -> Range<Int64> {
        let start = Int64(index) * extentSize
        return start..<min(start + extentSize, size)
    }

    /// The blobs in order. `zeros` names those of zeros; their sizes are added to `used`.
    func content(_ zeros: ZeroBlobs, used: inout Set<Int64>) -> [ObjectID] {
        var content: [ObjectID] = []
        content.reserveCapacity(extents.count)
        var hasPiece = false
        var index = 0
        while index < extents.count {
            if case .blob(let id) = extents[index] {
                content.append(id)
                index += 1
                continue
            }
            var end = index
            while end < extents.count, extents[end] == .zero { end += 1 }
            precondition(end > index, "an extent that is lost was read again")
            spell(range(index).lowerBound..<range(end - 1).upperBound, zeros, &hasPiece, &used, &content)
            index = end
        }
        return content
    }

    private func spell(
        _ empty: Range<Int64>, _ zeros: ZeroBlobs, _ hasPiece: inout Bool, _ used: inout Set<Int64>, _ content: inout [ObjectID]
    ) {
        var offset = empty.lowerBound
        func add(_ size: Int64) {
            content.append(zeros.id(of: size))
            used.insert(size)
            offset += size
        }
        let group = max(extentSize, ZeroBlobs.piece)
        if !hasPiece, empty.upperBound - empty.lowerBound >= group {
            for _ in 0..<(group / ZeroBlobs.piece) { add(ZeroBlobs.piece) }
            hasPiece = true
        }
        while offset < empty.upperBound {
            let left = empty.upperBound - offset
            add(offset % ZeroBlobs.run == 0 && left >= ZeroBlobs.run ? ZeroBlobs.run : min(extentSize, left))
        }
    }

    /// Reads a list of blobs as extents of the declared size; nil where it was cut otherwise. `blobSize` is nil for a blob that is not stored.
    init?(content: [ObjectID], size: Int64, extentSize: Int64, zeros: ZeroBlobs, blobSize: (ObjectID) -> Int64?) {
        self.init(size: size, extentSize: extentSize)
        let zeroSizes = Dictionary(
            [ZeroBlobs.piece, ZeroBlobs.run, extentSize, size % extentSize].filter { $0 > 0 }.map { (zeros.id(of: $0), $0) }
        ) { first, _ in first }
        var offset: Int64 = 0
        for id in content {
            if let length = zeroSizes[id] {
                offset += length
                continue
            }
            guard offset % extentSize == 0, offset < size else { return nil }
            let index = Int(offset / extentSize)
            let expected = range(index)
            let length = blobSize(id)
            guard length == nil || length == expected.upperBound - expected.lowerBound else { return nil }
            extents[index] = length == nil ? .lost : .blob(id)
            offset = expected.upperBound
        }
        guard offset == size else { return nil }
    }

    /// The extent size by which a list was cut: that of the first blob that is not of zeros; nil when nothing tells.
    static func extentSize(of content: [ObjectID], zeros: ZeroBlobs, blobSize: (ObjectID) -> Int64?) -> Int64? {
        for id in content {
            guard let length = blobSize(id), length.nonzeroBitCount == 1, zeros.id(of: length) != id else { continue }
            return length
        }
        return nil
    }
}

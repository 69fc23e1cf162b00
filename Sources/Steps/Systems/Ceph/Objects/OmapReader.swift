import Basics
import CephLibraries
import FlowModel
import Glibc
import StepKit
import StorageKit

/// An object's omap, spelled as `OmapFormat` says, from start to end.
final class OmapReader: FileReader {
    private let watched: WatchedObject
    private var pages: OmapPages
    private var waiting: [UInt8] = OmapFormat.head
    private var taken = 0

    /// Where it was counted.
    private let size: Int64?

    init(_ object: RadosObject, in view: PoolView, size: Int64? = nil) throws(StorageError) {
        watched = try WatchedObject(object, in: view)
        pages = OmapPages(object, in: view)
        self.size = size
    }

    /// One that knows how long it is, by going through it once.
    static func counted(_ object: RadosObject, in view: PoolView) throws(StorageError) -> OmapReader {
        var size = Int64(OmapFormat.head.count)
        var pages = OmapPages(object, in: view)
        while case let pairs = try pages.next(), !pairs.isEmpty { size += pairs.reduce(0) { $0 + OmapFormat.size($1) } }
        return try OmapReader(object, in: view, size: size)
    }

    func metadata() throws -> FileMetadata {
        var metadata = try watched.metadata(.omap)
        if let size { metadata.size = size }
        return metadata
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var filled = 0
        while filled < buffer.count {
            if taken == waiting.count {
                let pairs = try pages.next()
                if pairs.isEmpty { break }
                (waiting, taken) = (pairs.reduce(into: []) { OmapFormat.append($1, to: &$0) }, 0)
            }
            let count = min(buffer.count - filled, waiting.count - taken)
            waiting.withUnsafeBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<filled + count]).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: bytes[taken..<taken + count]))
            }
            filled += count
            taken += count
        }
        return filled
    }

    func close() {}
}

/// An omap in the order of its keys, some at a time.
struct OmapPages {
    private let object: RadosObject
    private let view: PoolView
    private var last: [UInt8]?
    private var isAtEnd = false
    private var count: UInt64 = 512
    /// OSDs give no more at once (osd_max_omap_entries_per_request).
    private static let most: UInt64 = 1024

    init(_ object: RadosObject, in view: PoolView) { (self.object, self.view) = (object, view) }

    /// Empty at the end.
    mutating func next() throws(StorageError) -> [OmapFormat.Pair] {
        while !isAtEnd {
            let (pairs, more) = try page()
            StillWorking.current?.say()
            isAtEnd = !more
            // librados takes the key to begin behind up to its first NUL: what lies between that and the last key comes once more.
            let new = last.map { last in pairs.filter { last.lexicographicallyPrecedes($0.key) } } ?? pairs
            guard let key = new.last?.key else {
                guard more else { return [] }
                guard count < Self.most else {
                    throw StorageError(
                        .unsupported, expected: "an omap of which no \(Self.most) keys are equal up to a NUL byte",
                        found: "more such keys",
                        at: "\(view.pool.name)/\(object.description)", advice: "librados' C interface can't go on behind such a key")
                }
                count = Self.most
                continue
            }
            last = key
            return new
        }
        return []
    }

    private func page() throws(StorageError) -> ([OmapFormat.Pair], more: Bool) {
        let context = try view.context(of: object)
        guard let operation = rados_create_read_op() else { throw view.error(-ENOMEM, "an operation", object) }
        defer { rados_release_read_op(operation) }
        var list: rados_omap_iter_t?
        var more: UInt8 = 0
        var answer: Int32 = 0
        let code = withUnsafeMutablePointer(to: &list) { list in
            withUnsafeMutablePointer(to: &more) { more in
                withUnsafeMutablePointer(to: &answer) { answer in
                    (last ?? []).withName { rados_read_op_omap_get_vals2(operation, $0, "", count, list, more, answer) }
                    return object.name.withName { rados_read_op_operate(operation, context.handle, $0, 0) }
                }
            }
        }
        defer { if let list { rados_omap_get_end(list) } }
        guard code >= 0, answer >= 0 else { throw view.error(code < 0 ? code : answer, "an object's omap", object) }
        var pairs: [OmapFormat.Pair] = []
        while let list {
            var (key, value): (UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<CChar>?)
            var (keyCount, valueCount) = (0, 0)
            let code = rados_omap_get_next2(list, &key, &value, &keyCount, &valueCount)
            guard code == 0 else { throw view.error(code, "an object's omap", object) }
            guard let key else { break }
            pairs.append(
                OmapFormat.Pair(
                    key: Array(UnsafeRawBufferPointer(start: key, count: keyCount)),
                    value: Array(UnsafeRawBufferPointer(start: value, count: valueCount))))
        }
        return (pairs, more != 0)
    }
}

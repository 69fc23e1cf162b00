import Crypto
import Synchronization

/// Some thousand entries of a `NodeList`, one after another: their records and where each begins.
struct NodeRecords: Sendable {
    var bytes: [UInt8] = []
    var starts: [UInt32] = []

    /// Bytes of memory.
    var memory: Int { bytes.count + starts.count * MemoryLayout<UInt32>.stride }
}

/// The same, complete: as they are while there is room (`MetadataRoom`), packed else.
final class NodeSegment: Sendable {
    private enum Form: Sendable {
        case plain(NodeRecords)
        /// Frames of the starts, four bytes each, and of the records.
        case packed(starts: [UInt8], records: [UInt8], recordBytes: Int)
    }

    let count: Int
    private let form: Form

    /// A large one is packed in any case: it would not leave room for others.
    init(_ records: NodeRecords) {
        count = records.starts.count
        if records.memory <= 4 << 20, MetadataRoom.take(records.memory) {
            form = .plain(records)
            return
        }
        let compressor = Compressor()
        form = withExtendedLifetime(compressor) {
            Form.packed(
                starts: records.starts.withUnsafeBytes { Array(compressor.compress($0)) },
                records: records.bytes.withUnsafeBytes { Array(compressor.compress($0)) }, recordBytes: records.bytes.count)
        }
    }

    deinit { if case .plain(let records) = form { MetadataRoom.giveBack(records.memory) } }

    var isPacked: Bool { if case .packed = form { true } else { false } }

    /// Bytes of memory.
    var memory: Int {
        switch form {
        case .plain(let records): records.memory
        case .packed(let starts, let records, _): starts.count + records.count
        }
    }

    var records: NodeRecords {
        switch form {
        case .plain(let records): return records
        case .packed(let starts, let records, let recordBytes):
            let decompressor = Decompressor()
            return withExtendedLifetime(decompressor) {
                NodeRecords(
                    bytes: Self.unpacked(records, recordBytes, decompressor), starts: Self.unpacked(starts, count, decompressor))
            }
        }
    }

    private static func unpacked<Element: BitwiseCopyable>(_ frame: [UInt8], _ count: Int, _ decompressor: Decompressor) -> [Element] {
        [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
            let isWhole = frame.withUnsafeBytes {
                decompressor.decompress(
                    $0,
                    into: UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(buffer)[..<(count * MemoryLayout<Element>.stride)]))
            }
            precondition(isWhole, "a frame of ours that does not unpack")
            initialized = count
        }
    }
}

/// The packed segment that was looked into last, unpacked: walks go from one entry to the next.
final class UnpackedSegment: Sendable {
    private let last = Mutex<(segment: NodeSegment, records: NodeRecords)?>(nil)

    func records(of segment: NodeSegment) -> NodeRecords {
        guard segment.isPacked else { return segment.records }
        return last.withLock { last in
            if let last, last.segment === segment { return last.records }
            last = nil  // before the next one takes its place in memory
            let records = segment.records
            last = (segment, records)
            return records
        }
    }
}

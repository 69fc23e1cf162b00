/// The entries of a folder, packed: about 100 bytes a file instead of the half kilobyte that a `Node` takes, so that a folder of a million files fits,
/// and never more than the JSON that says them; of very large folders, about what is stored of them. An entry is unpacked when it is asked for.
struct NodeList: Sendable {
    /// Complete ones, and the number of the first entry of each.
    private var segments: [NodeSegment] = []
    private var firsts: [Int] = []
    /// Entries in those.
    private var complete = 0
    private var open = NodeRecords()
    private let unpacked = UnpackedSegment()
    private var packedBytes = 0
    /// What the entries take as records, packed or not: bytes.
    private(set) var recordBytes = 0

    private static let segmentBytes = 1 << 20

    init() {}

    init(_ nodes: some Sequence<Node>) { for node in nodes { append(node) } }

    /// Bytes of memory, about: with the segment that is unpacked to be read.
    var memory: Int {
        let isPacked = segments.contains(where: \.isPacked)
        return packedBytes + open.memory + segments.count * 64 + (isPacked ? Self.segmentBytes : 0)
    }

    mutating func append(_ node: Node) {
        let start = open.bytes.count
        open.starts.append(UInt32(start))
        NodeRecord.write(node, to: &open.bytes)
        recordBytes += open.bytes.count - start + MemoryLayout<UInt32>.stride
        if open.memory > Self.segmentBytes - 4096 { close() }
    }

    private mutating func close() {
        let segment = NodeSegment(open)
        open = NodeRecords()
        open.bytes.reserveCapacity(Self.segmentBytes)
        segments.append(segment)
        firsts.append(complete)
        complete += segment.count
        packedBytes += segment.memory
    }

    /// Where an entry is.
    private func place(_ index: Int) -> (records: NodeRecords, start: Int) {
        guard index < complete else { return (open, Int(open.starts[index - complete])) }
        var (low, high) = (0, firsts.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if firsts[middle] <= index { low = middle } else { high = middle }
        }
        let records = unpacked.records(of: segments[low])
        return (records, Int(records.starts[index - firsts[low]]))
    }
}

extension NodeList: RandomAccessCollection {
    var startIndex: Int { 0 }
    var endIndex: Int { complete + open.starts.count }
    subscript(index: Int) -> Node {
        let place = place(index)
        return NodeRecord.read(place.records.bytes, at: place.start)
    }

    /// The name alone, which is what searching and sorting need.
    func name(at index: Int) -> ArraySlice<UInt8> {
        let place = place(index)
        return NodeRecord.name(place.records.bytes, at: place.start)
    }
}

/// The entries of a folder, packed: about 100 bytes a file instead of the half kilobyte that a `Node` takes, so that a folder of a million files fits,
/// and never more than the JSON that says them. An entry is unpacked when it is asked for.
struct NodeList: Sendable {
    private struct Place: Sendable {
        var segment: UInt32
        var offset: UInt32
    }

    /// Records, none of them in two. One array of all would double as it grows.
    private var segments: [[UInt8]] = []
    private var places: [Place] = []
    /// Bytes of the records.
    private var recordBytes = 0

    private static let segmentBytes = 1 << 20

    init() {}

    init(_ nodes: some Sequence<Node>) { for node in nodes { append(node) } }

    /// Bytes of memory, about.
    var memory: Int { recordBytes + places.count * MemoryLayout<Place>.stride }

    mutating func append(_ node: Node) {
        if segments.last.map({ $0.count > Self.segmentBytes - 4096 }) ?? true {
            segments.append([])
            if segments.count > 1 { segments[segments.count - 1].reserveCapacity(Self.segmentBytes) }
        }
        let last = segments.count - 1
        let start = segments[last].count
        places.append(Place(segment: UInt32(last), offset: UInt32(start)))
        NodeRecord.write(node, to: &segments[last])
        recordBytes += segments[last].count - start
    }
}

extension NodeList: RandomAccessCollection {
    var startIndex: Int { 0 }
    var endIndex: Int { places.count }
    subscript(index: Int) -> Node { NodeRecord.read(segments[Int(places[index].segment)], at: Int(places[index].offset)) }

    /// The name alone, which is what searching and sorting need.
    func name(at index: Int) -> ArraySlice<UInt8> {
        NodeRecord.name(segments[Int(places[index].segment)], at: Int(places[index].offset))
    }
}

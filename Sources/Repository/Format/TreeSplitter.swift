import Basics
import Crypto

/// Cuts a tree's JSON into its entries as it comes in pieces, so that a large folder's is never in memory as a whole.
struct TreeSplitter {
    private enum Place {
        /// Outside of the entries: in the object, or a member that is passed over.
        case around
        /// Between two entries.
        case between
        case entry
    }

    private var reading: TreeReading
    private let id: ObjectID
    private let mostEntryBytes: Int
    private var place = Place.around
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    /// The last string of the outer object: a member's name when its value begins.
    private var key: [UInt8] = []
    private var entry: [UInt8] = []
    private var isOver = false

    private static let maximumDepth = 64

    /// `memory`: bytes that the entries may take once read, `entry`: bytes of JSON that one of them may have.
    init(_ id: ObjectID, memory: Int, entry: Int) {
        self.id = id
        reading = TreeReading(id, memory: memory)
        mostEntryBytes = entry
    }

    mutating func take(_ bytes: UnsafeRawBufferPointer) throws {
        var start = 0
        for index in bytes.indices {
            let byte = bytes[index]
            let wasEntry = place == .entry
            try step(byte)
            if !wasEntry, place == .entry { start = index }
            guard wasEntry, place != .entry else { continue }
            try add(bytes[start...index])
            try finishEntry()
        }
        if place == .entry { try add(bytes[start...]) }
    }

    /// Call once, at the end.
    func finish() throws -> Tree {
        guard isOver, depth == 0 else { throw failure("the end of the tree") }
        return Tree(reading)
    }

    private func failure(_ expected: String) -> RepositoryError { .damaged("tree \(id)", expected: expected, found: "other text") }

    private mutating func add(_ bytes: Slice<UnsafeRawBufferPointer>) throws {
        guard entry.count + bytes.count <= mostEntryBytes else {
            throw TreeLimits.tooLarge(id, "one entry of more than \(entry.count.counted("byte"))")
        }
        entry.append(contentsOf: bytes)
    }

    private mutating func finishEntry() throws {
        try JSONScanner.scan(entry, at: "tree \(id)") { try reading.append(try Node(&$0)) }
        entry.removeAll(keepingCapacity: entry.count < 1 << 20)
    }

    private mutating func step(_ byte: UInt8) throws {
        if isInString {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString = false
            } else if depth == 1, key.count < 16 {
                key.append(byte)
            }
            return
        }
        switch byte {
        case 0x20, 0x09, 0x0A, 0x0D: return
        case UInt8(ascii: "\""):
            guard depth > 0, place != .between else { throw failure("an entry") }
            isInString = true
            if depth == 1 { key = [] }
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            guard !isOver, depth < Self.maximumDepth, depth > 0 || byte == UInt8(ascii: "{") else { throw failure("less nesting") }
            if place == .between {
                guard byte == UInt8(ascii: "{") else { throw failure("an entry") }
                place = .entry
            } else if depth == 1, byte == UInt8(ascii: "["), key == Array("nodes".utf8) {
                place = .between
            }
            depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
            guard depth > 0 else { throw failure("nothing more") }
            depth -= 1
            if depth == 2, place == .entry { place = .between } else if depth == 1, place == .between { place = .around }
            if depth == 0 { isOver = true }
        default:
            guard depth > 0, place != .between || byte == UInt8(ascii: ",") else { throw failure("an entry") }
        }
    }
}

import Crypto
import StorageKit

/// How a `NodeList` spells an entry: the name, then which fields follow, then those. Never stored.
enum NodeRecord {
    private static let types = ["file", "dir", "symlink", "dev", "chardev", "fifo"]

    /// Fields that are often empty, or the same as another.
    private struct Fields: OptionSet {
        let rawValue: UInt64
        static let accessed = Fields(rawValue: 1)
        static let changed = Fields(rawValue: 1 << 1)
        static let zone = Fields(rawValue: 1 << 2)
        static let owner = Fields(rawValue: 1 << 3)
        static let names = Fields(rawValue: 1 << 4)
        static let size = Fields(rawValue: 1 << 5)
        static let links = Fields(rawValue: 1 << 6)
        static let target = Fields(rawValue: 1 << 7)
        static let attributes = Fields(rawValue: 1 << 8)
        static let generic = Fields(rawValue: 1 << 9)
        static let device = Fields(rawValue: 1 << 10)
        static let content = Fields(rawValue: 1 << 11)
        static let subtree = Fields(rawValue: 1 << 12)
        static let error = Fields(rawValue: 1 << 13)
        static let number = Fields(rawValue: 1 << 14)

        init(rawValue: UInt64) { self.rawValue = rawValue }

        init(_ node: Node) {
            var fields: Fields = []
            if node.accessed != node.modified { fields.insert(.accessed) }
            if node.changed != node.modified { fields.insert(.changed) }
            if [node.modified, node.accessed, node.changed].contains(where: { $0.offsetMinutes != 0 }) { fields.insert(.zone) }
            if node.userID != 0 || node.groupID != 0 { fields.insert(.owner) }
            if !node.user.isEmpty || !node.group.isEmpty { fields.insert(.names) }
            if node.size != 0 { fields.insert(.size) }
            if node.links != 0 { fields.insert(.links) }
            if !node.linkTarget.isEmpty { fields.insert(.target) }
            if !node.extendedAttributes.isEmpty { fields.insert(.attributes) }
            if !node.genericAttributes.isEmpty { fields.insert(.generic) }
            if node.device != 0 { fields.insert(.device) }
            if node.content != nil { fields.insert(.content) }
            if node.subtree != nil { fields.insert(.subtree) }
            if !node.error.isEmpty { fields.insert(.error) }
            if node.inode != 0 || node.deviceID != 0 { fields.insert(.number) }
            self = fields
        }
    }

    // MARK: writing

    static func write(_ node: Node, to out: inout [UInt8]) {
        let fields = Fields(node)
        write(node.name.bytes, &out)
        write(fields.rawValue, &out)
        let type = types.firstIndex(of: node.type)
        write(UInt64(type.map { $0 + 1 } ?? 0), &out)
        if type == nil { write(Array(node.type.utf8), &out) }
        write(UInt64(node.mode), &out)
        write(node.modified, fields, &out)
        if fields.contains(.accessed) { write(node.accessed, fields, &out) }
        if fields.contains(.changed) { write(node.changed, fields, &out) }
        if fields.contains(.owner) { for id in [node.userID, node.groupID] { write(UInt64(id), &out) } }
        if fields.contains(.names) { for name in [node.user, node.group] { write(Array(name.utf8), &out) } }
        if fields.contains(.number) { for number in [node.inode, node.deviceID] { write(number, &out) } }
        if fields.contains(.size) { write(node.size, &out) }
        if fields.contains(.links) { write(node.links, &out) }
        if fields.contains(.target) { write(node.linkTarget, &out) }
        if fields.contains(.attributes) {
            write(UInt64(node.extendedAttributes.count), &out)
            for attribute in node.extendedAttributes {
                write(Array(attribute.name.utf8), &out)
                write(attribute.value, &out)
            }
        }
        if fields.contains(.generic) { write(node.genericAttributes, &out) }
        if fields.contains(.device) { write(node.device, &out) }
        if let content = node.content {
            write(UInt64(content.count), &out)
            // Of a large file as much as it needs, not twice that.
            if content.count > 1000 { out.reserveCapacity(out.count + content.count * ObjectID.byteCount + 1024) }
            for id in content { out.append(contentsOf: id.bytes) }
        }
        if let subtree = node.subtree { out.append(contentsOf: subtree.bytes) }
        if fields.contains(.error) { write(Array(node.error.utf8), &out) }
    }

    /// Seven bits a byte, the lowest first (LEB128).
    private static func write(_ number: UInt64, _ out: inout [UInt8]) {
        var rest = number
        while rest >= 0x80 {
            out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        out.append(UInt8(rest))
    }

    private static func write(_ bytes: [UInt8], _ out: inout [UInt8]) {
        write(UInt64(bytes.count), &out)
        out.append(contentsOf: bytes)
    }

    private static func write(_ time: GoTime, _ fields: Fields, _ out: inout [UInt8]) {
        write(UInt64(bitPattern: time.time.seconds << 1 ^ time.time.seconds >> 63), &out)
        write(UInt64(UInt32(bitPattern: time.time.nanoseconds)), &out)
        if fields.contains(.zone) { write(UInt64(UInt32(bitPattern: time.offsetMinutes)), &out) }
    }

    // MARK: reading

    static func name(_ records: [UInt8], at start: Int) -> ArraySlice<UInt8> {
        var reader = Reader(records: records, position: start)
        return reader.slice()
    }

    static func read(_ records: [UInt8], at start: Int) -> Node {
        var reader = Reader(records: records, position: start)
        var node = Node(name: FileName(bytes: Array(reader.slice())), type: "")
        let fields = Fields(rawValue: reader.number())
        let type = Int(reader.number())
        node.type = type == 0 ? reader.text() : types[type - 1]
        node.mode = UInt32(truncatingIfNeeded: reader.number())
        node.modified = reader.time(fields)
        node.accessed = fields.contains(.accessed) ? reader.time(fields) : node.modified
        node.changed = fields.contains(.changed) ? reader.time(fields) : node.modified
        if fields.contains(.owner) {
            node.userID = UInt32(truncatingIfNeeded: reader.number())
            node.groupID = UInt32(truncatingIfNeeded: reader.number())
        }
        if fields.contains(.names) { (node.user, node.group) = (reader.text(), reader.text()) }
        if fields.contains(.number) { (node.inode, node.deviceID) = (reader.number(), reader.number()) }
        if fields.contains(.size) { node.size = reader.number() }
        if fields.contains(.links) { node.links = reader.number() }
        if fields.contains(.target) { node.linkTarget = Array(reader.slice()) }
        if fields.contains(.attributes) {
            for _ in 0..<reader.number() {
                let name = reader.text()
                node.extendedAttributes.append(ExtendedAttribute(name: name, value: Array(reader.slice())))
            }
        }
        if fields.contains(.generic) { node.genericAttributes = Array(reader.slice()) }
        if fields.contains(.device) { node.device = reader.number() }
        if fields.contains(.content) { node.content = (0..<reader.number()).map { _ in reader.digest() } }
        if fields.contains(.subtree) { node.subtree = reader.digest() }
        if fields.contains(.error) { node.error = reader.text() }
        return node
    }

    private struct Reader {
        let records: [UInt8]
        var position: Int

        mutating func number() -> UInt64 {
            var (value, shift): (UInt64, UInt64) = (0, 0)
            while true {
                let byte = records[position]
                position += 1
                value |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return value }
                shift += 7
            }
        }

        mutating func slice() -> ArraySlice<UInt8> {
            let count = Int(number())
            defer { position += count }
            return records[position..<position + count]
        }

        mutating func text() -> String { String(decoding: slice(), as: UTF8.self) }

        mutating func time(_ fields: Fields) -> GoTime {
            let seconds = number()
            let nanoseconds = Int32(bitPattern: UInt32(truncatingIfNeeded: number()))
            let zone = fields.contains(.zone) ? Int32(bitPattern: UInt32(truncatingIfNeeded: number())) : 0
            var time = GoTime(FileTime(seconds: 0))
            // As it was: a time that was read may lie where one that is made may not.
            time.time = FileTime(seconds: Int64(bitPattern: seconds >> 1) ^ -Int64(bitPattern: seconds & 1), nanoseconds: nanoseconds)
            time.offsetMinutes = zone
            return time
        }

        mutating func digest() -> ObjectID {
            defer { position += ObjectID.byteCount }
            return records.withUnsafeBytes {
                ObjectID(bytes: UnsafeRawBufferPointer(rebasing: $0[position..<position + ObjectID.byteCount]))
            }
        }
    }
}

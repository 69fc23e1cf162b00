import Basics

/// The lines between a worker and a plug-in's process. Docs: docs/plug-ins.md.
enum PluginMessage {
    /// A line is at most so long, bytes: what is larger is data.
    static let maximumLine = 16 << 20
    /// One piece of data is at most so long, bytes.
    static let maximumData = 1 << 30

    /// What the worker says, on the plug-in's standard input. `data` bytes follow on the data descriptor under the same id.
    static func request(id: Int64, call: String, arguments: JSONValue, data: Int?) -> [UInt8] {
        var members: [String: JSONValue] = ["id": .int(id), "call": .string(call), "arguments": arguments]
        if let data { members["data"] = .int(Int64(data)) }
        return line(members)
    }

    static func result(id: Int64, _ result: JSONValue, data: Int?) -> [UInt8] {
        var members: [String: JSONValue] = ["id": .int(id), "result": result]
        if let data { members["data"] = .int(Int64(data)) }
        return line(members)
    }

    static func failure(id: Int64, _ error: PluginFailure) -> [UInt8] { line(["id": .int(id), "error": error.json]) }
    static func progress(id: Int64) -> [UInt8] { line(["id": .int(id), "progress": true]) }
    static func log(_ level: String, _ message: String) -> [UInt8] { line(["log": .string(level), "message": .string(message)]) }

    private static func line(_ members: [String: JSONValue]) -> [UInt8] {
        JSONValue.object(members).canonicalBytes + [UInt8(ascii: "\n")]
    }

    /// What the plug-in says, on its standard output.
    enum Reply {
        case result(id: Int64, JSONValue, data: Int?)
        case failure(id: Int64, JSONValue)
        /// The call is still being worked on.
        case progress(id: Int64)
        /// What the plug-in asks while a call of the worker's is under way; its ids are below zero.
        case question(id: Int64, call: String, arguments: JSONValue)
        case log(level: String, message: String)

        /// Nil for what is none of these.
        init?(line: some Sequence<UInt8>) {
            guard let json = try? JSONValue(parsing: line, depth: JSONValue.foreignDepth) else { return nil }
            if let level = json["log"]?.stringValue {
                self = .log(level: level, message: json["message"]?.stringValue ?? "")
                return
            }
            guard let id = json["id"]?.intValue else { return nil }
            if id < 0 {
                guard let call = json["call"]?.stringValue else { return nil }
                self = .question(id: id, call: call, arguments: json["arguments"] ?? [:])
            } else if json["progress"]?.boolValue == true {
                self = .progress(id: id)
            } else if let error = json["error"] {
                self = .failure(id: id, error)
            } else if let result = json["result"] {
                self = .result(id: id, result, data: json["data"]?.intValue.map { Int(clamping: $0) })
            } else {
                return nil
            }
        }
    }
}

/// Before each piece of data on the data descriptor: the call's id and how many bytes follow, 8 bytes each, the lowest first.
struct DataHeader {
    static let size = 16
    var id: Int64
    var count: Int64

    init(id: Int64, count: Int64) { (self.id, self.count) = (id, count) }

    init(_ bytes: [UInt8]) {
        func number(_ range: Range<Int>) -> Int64 { Int64(bitPattern: bytes[range].reversed().reduce(0) { $0 << 8 | UInt64($1) }) }
        (id, count) = (number(0..<8), number(8..<16))
    }

    var bytes: [UInt8] {
        [id, count].flatMap { number in (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
    }
}

/// Extents as data: offset and length of each, 8 bytes each, the lowest first.
enum ExtentData {
    static func bytes(_ extents: [Range<Int64>]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(extents.count * DataHeader.size)
        for extent in extents { bytes += DataHeader(id: extent.lowerBound, count: extent.upperBound - extent.lowerBound).bytes }
        return bytes
    }

    /// Bytes that so many take; -1 for what is no number of them.
    static func size(of count: Int64) -> Int {
        let (bytes, isTooMuch) = Int(count).multipliedReportingOverflow(by: DataHeader.size)
        return isTooMuch || count < 0 ? -1 : bytes
    }

    /// Nil where they are no ascending ranges within an image of that size.
    static func extents(_ bytes: [UInt8], size: Int64) -> [Range<Int64>]? {
        guard bytes.count % DataHeader.size == 0 else { return nil }
        var extents: [Range<Int64>] = []
        for start in stride(from: 0, to: bytes.count, by: DataHeader.size) {
            let pair = DataHeader(Array(bytes[start..<start + DataHeader.size]))
            guard pair.id >= extents.last?.upperBound ?? 0, pair.count > 0, pair.id <= size, pair.count <= size - pair.id else {
                return nil
            }
            extents.append(pair.id..<pair.id + pair.count)
        }
        return extents
    }
}

/// Reads numbers and strings as pg_dump's archives hold them, from the start of a dump on.
struct ArchiveBytes {
    /// The dump ends too early, or holds what can't be a length.
    struct Cut: Error {}

    var integerSize = 4
    var offsetSize = 8
    private let dump: SpooledDump
    private var window: ArraySlice<UInt8> = []
    private var next: Int64 = 0

    private var kept = 0

    /// The longest name or definition that is kept; what is longer is no name.
    private static let longest = 1 << 20
    /// The most bytes of all together: a table of contents with millions of entries.
    private static let most = 256 << 20

    init(_ dump: SpooledDump) { self.dump = dump }

    mutating func byte() throws(Cut) -> UInt8 {
        if window.isEmpty { try fill() }
        return window.removeFirst()
    }

    mutating func take(_ count: Int) throws(Cut) -> [UInt8] {
        var taken: [UInt8] = []
        while taken.count < count {
            if window.isEmpty { try fill() }
            let part = window.prefix(count - taken.count)
            taken += part
            window = window.dropFirst(part.count)
        }
        return taken
    }

    /// A sign and the bytes of a number, the lowest first.
    mutating func integer() throws(Cut) -> Int {
        let isNegative = try byte() != 0
        var value: UInt64 = 0
        for (index, byte) in try take(integerSize).enumerated() { value |= UInt64(byte) << (8 * UInt64(index)) }
        // Nothing in an archive's table of contents is that long or that many.
        guard value <= 1 << 40 else { throw Cut() }
        return isNegative ? -Int(value) : Int(value)
    }

    /// A number of entries.
    mutating func count() throws(Cut) -> Int {
        let count = try integer()
        guard count >= 0 else { throw Cut() }
        return count
    }

    /// Nil where none was written.
    mutating func string() throws(Cut) -> [UInt8]? {
        let length = try integer()
        guard length >= 0 else { return nil }
        guard length <= Self.longest else {
            try skip(length)
            return nil
        }
        kept += length
        guard kept <= Self.most else { throw Cut() }
        return try take(length)
    }

    mutating func skipString() throws(Cut) { _ = try hasString() }

    /// Skips a string; false where none was written.
    mutating func hasString() throws(Cut) -> Bool {
        let length = try integer()
        guard length >= 0 else { return false }
        try skip(length)
        return true
    }

    private mutating func skip(_ length: Int) throws(Cut) {
        guard length > window.count else {
            window = window.dropFirst(length)
            return
        }
        next += Int64(length - window.count)
        window = []
    }

    private mutating func fill() throws(Cut) {
        let bytes = dump.bytes(at: next, atMost: 64 << 10)
        guard !bytes.isEmpty else { throw Cut() }
        next += Int64(bytes.count)
        window = bytes[...]
    }
}

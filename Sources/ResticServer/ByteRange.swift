/// The header `Range` (RFC 9110, 14.2), as far as restic's clients use it: one range of bytes.
enum ByteRange: Sendable, Hashable {
    /// No range, several, or another unit: the whole is the answer.
    case whole
    case part(Range<Int64>)
    /// It begins past the end.
    case beyond

    init(_ header: String?, size: Int64) {
        guard let header, header.hasPrefix("bytes="), !header.contains(",") else {
            self = .whole
            return
        }
        let ends = header.dropFirst("bytes=".count).split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard ends.count == 2 else {
            self = .whole
            return
        }
        switch (Self.number(ends[0]), Self.number(ends[1])) {
        case (let first?, let last?) where first <= last: self = first < size ? .part(first..<min(last, size - 1) + 1) : .beyond
        case (let first?, nil) where ends[1].isEmpty: self = first < size ? .part(first..<size) : .beyond
        case (nil, let count?) where ends[0].isEmpty: self = count > 0 && size > 0 ? .part(max(size - count, 0)..<size) : .beyond
        default: self = .whole
        }
    }

    private static func number(_ text: Substring) -> Int64? {
        text.isEmpty || !text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) ? nil : Int64(text)
    }
}

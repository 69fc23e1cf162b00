import Basics
import HTTPClient
import StorageKit

/// Part of an object (RFC 9110, 14): what to ask for, and what came of it.
struct RangedAnswer {
    let range: Range<Int64>

    /// `range` is not empty.
    var header: (name: String, value: String) { ("Range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)") }

    /// The bytes; a server may answer with the whole object, or with less than was asked for where the object ends.
    func bytes(_ answer: HTTPAnswer, at location: String) throws(StorageError) -> [UInt8] {
        var bytes: [UInt8]
        switch answer.status {
        case 206: bytes = answer.body
        case 200: bytes = Array(answer.body.dropFirst(Int(range.lowerBound)).prefix(range.count))
        default: throw StorageError(answer: answer, expected: "part of an object", at: location)
        }
        guard bytes.count == range.count else {
            throw StorageError(
                .truncated, expected: "\(range.count.counted("byte")) from \(range.lowerBound) on", found: "\(bytes.count)", at: location,
                advice: "the object was cut short; run a check")
        }
        return bytes
    }
}

import Basics
import StepKit

/// Which bytes of a block image: `OFFSET+LENGTH`, each with its unit, as `1GiB+64MiB`.
struct ImagePart: Sendable, Hashable {
    let bytes: Range<Int64>

    init(_ text: String, origin: String) throws(StepError) {
        let parts = text.split(separator: "+", omittingEmptySubsequences: false).map { ByteCount(String($0)) }
        guard parts.count == 2, let offset = parts[0]?.bytes, let length = parts[1]?.bytes, length > 0,
            case let (end, overflow) = offset.addingReportingOverflow(length), !overflow
        else {
            throw StepError(
                .invalidSetting, expected: "an offset and a length as 1GiB+64MiB", found: "\"\(text)\"", at: origin,
                advice: "each is a number with its unit: `0B+512B` is the first 512 bytes")
        }
        bytes = offset..<end
    }
}

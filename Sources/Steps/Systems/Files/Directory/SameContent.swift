import Glibc
import StorageKit

/// Compares two files that are open.
enum SameContent {
    private static let piece = 1 << 20

    /// Whether both hold the same bytes, read to the end.
    static func of(_ one: any FileReader, _ other: any FileReader) throws -> Bool {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * piece, alignment: 4096)
        defer { memory.deallocate() }
        let (left, right) = (
            UnsafeMutableRawBufferPointer(rebasing: memory[..<piece]), UnsafeMutableRawBufferPointer(rebasing: memory[piece...])
        )
        while true {
            let (count, otherCount) = (try one.read(into: left), try other.read(into: right))
            guard count == otherCount else { return false }
            if count == 0 { return true }
            guard let a = left.baseAddress, let b = right.baseAddress, memcmp(a, b, count) == 0 else { return false }
        }
    }
}

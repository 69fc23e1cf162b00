/// Memory that somebody else owns, who gets it back when nobody refers to it any more. One at a time touches it.
public final class LentMemory: @unchecked Sendable {  // nothing of it changes but its bytes
    public let bytes: UnsafeMutableRawBufferPointer
    private let giveBack: @Sendable () -> Void

    public init(_ bytes: UnsafeMutableRawBufferPointer, giveBack: @escaping @Sendable () -> Void) {
        self.bytes = bytes
        self.giveBack = giveBack
    }

    deinit { giveBack() }

    /// New memory, where nobody has any to lend.
    public static func own(_ count: Int) -> LentMemory {
        nonisolated(unsafe) let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 4096)
        return LentMemory(bytes) { bytes.deallocate() }
    }
}

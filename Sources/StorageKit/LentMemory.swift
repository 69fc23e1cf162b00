/// Memory that somebody else owns, who gets it back when nobody refers to it any more. One at a time touches it.
public final class LentMemory: @unchecked Sendable {  // nothing of it changes but its bytes
    public let bytes: UnsafeMutableRawBufferPointer
    private let giveBack: @Sendable () -> Void

    public init(_ bytes: UnsafeMutableRawBufferPointer, giveBack: @escaping @Sendable () -> Void) {
        self.bytes = bytes
        self.giveBack = giveBack
    }

    deinit { giveBack() }
}

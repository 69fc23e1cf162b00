import CLibCrypto
import CSHA256

/// A message of which `CSHA256` takes whole blocks: what is not yet one, how long it is, and how it ends (FIPS 180-4, 5.1.1).
final class SHA256Blocks {
    static let isAvailable = csha256_is_available()

    private static let blockBytes = 64
    private static let stateBytes = 32
    /// FIPS 180-4, 5.3.3.
    private static let start: [UInt32] = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
    ]

    /// Eight words of state, then the beginning of a block.
    private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: stateBytes + blockBytes, alignment: 16)
    private let state: UnsafeMutablePointer<UInt32>
    private let block: UnsafeMutableRawBufferPointer
    /// Bytes of the block that are there; less than a whole one between two calls.
    private var held = 0
    /// Bytes of the message.
    private var length: UInt64 = 0

    init() {
        state = UnsafeMutableRawBufferPointer(rebasing: memory[..<Self.stateBytes]).bindMemory(to: UInt32.self).baseAddress!
        block = UnsafeMutableRawBufferPointer(rebasing: memory[Self.stateBytes...])
        begin()
    }

    /// It may have been a secret.
    deinit {
        OPENSSL_cleanse(memory.baseAddress, memory.count)
        memory.deallocate()
    }

    private func begin() {
        state.update(from: Self.start, count: Self.start.count)
        (held, length) = (0, 0)
    }

    func update(_ bytes: UnsafeRawBufferPointer) {
        let rest = fill(bytes)
        take(rest, rest.count / Self.blockBytes)
        hold(rest, from: rest.count / Self.blockBytes)
    }

    /// Adds to two messages at once, as far as both have whole blocks.
    static func update(
        _ first: SHA256Blocks, _ firstBytes: UnsafeRawBufferPointer, _ second: SHA256Blocks, _ secondBytes: UnsafeRawBufferPointer
    ) {
        let rests = (first.fill(firstBytes), second.fill(secondBytes))
        let counts = (rests.0.count / blockBytes, rests.1.count / blockBytes)
        let both = min(counts.0, counts.1)
        if both > 0, let one = rests.0.baseAddress, let other = rests.1.baseAddress {
            csha256_blocks_of_two(
                first.state, one.assumingMemoryBound(to: UInt8.self), second.state, other.assumingMemoryBound(to: UInt8.self), both)
        }
        first.take(rests.0, from: both, counts.0)
        second.take(rests.1, from: both, counts.1)
        first.hold(rests.0, from: counts.0)
        second.hold(rests.1, from: counts.1)
    }

    /// Makes a block that was begun whole, and returns what is left to be taken: nothing while it is not.
    private func fill(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        length &+= UInt64(bytes.count)
        guard held > 0 else { return bytes }
        let count = min(bytes.count, Self.blockBytes - held)
        UnsafeMutableRawBufferPointer(rebasing: block[held..<held + count]).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        held += count
        if held == Self.blockBytes {
            take(UnsafeRawBufferPointer(block), 1)
            held = 0
        }
        return UnsafeRawBufferPointer(rebasing: bytes[count...])
    }

    /// Takes blocks `start..<end` of `bytes` into the state.
    private func take(_ bytes: UnsafeRawBufferPointer, from start: Int = 0, _ end: Int) {
        guard start < end, let base = bytes.baseAddress else { return }
        csha256_blocks(state, (base + start * Self.blockBytes).assumingMemoryBound(to: UInt8.self), end - start)
    }

    /// Keeps what is no whole block.
    private func hold(_ bytes: UnsafeRawBufferPointer, from start: Int) {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[(start * Self.blockBytes)...])
        guard !rest.isEmpty else { return }
        UnsafeMutableRawBufferPointer(rebasing: block[..<rest.count]).copyMemory(from: rest)
        held = rest.count
    }

    /// Ends the message with a one, zeros and its length in bits, and begins another.
    func finish() -> SHA256Digest {
        block[held] = 0x80
        var used = held + 1
        if used > Self.blockBytes - 8 {
            UnsafeMutableRawBufferPointer(rebasing: block[used...]).initializeMemory(as: UInt8.self, repeating: 0)
            take(UnsafeRawBufferPointer(block), 1)
            used = 0
        }
        UnsafeMutableRawBufferPointer(rebasing: block[used..<Self.blockBytes - 8]).initializeMemory(as: UInt8.self, repeating: 0)
        block.storeBytes(of: (length &* 8).bigEndian, toByteOffset: Self.blockBytes - 8, as: UInt64.self)
        take(UnsafeRawBufferPointer(block), 1)
        for index in 0..<Self.start.count { state[index] = state[index].bigEndian }
        defer { begin() }
        return SHA256Digest(bytes: UnsafeRawBufferPointer(rebasing: memory[..<Self.stateBytes]))
    }
}

import CLibCrypto

/// Bytes of the operating system's generator, through libcrypto's.
public enum RandomBytes {
    /// Fills the buffer. A generator that is not seeded is a broken machine: nothing may be encrypted on it.
    public static func fill(_ buffer: UnsafeMutableRawBufferPointer) {
        guard !buffer.isEmpty else { return }
        let done = RAND_bytes(buffer.bindMemory(to: UInt8.self).baseAddress, Int32(buffer.count))
        precondition(done == 1, "the random generator failed")
    }

    public static func make(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            fill(UnsafeMutableRawBufferPointer(buffer))
            initialized = count
        }
    }
}

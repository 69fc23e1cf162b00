/// Bytes that no compression makes fewer, the same for the same seed. Eight at a time: tests take tens of megabytes of it, unoptimised.
public func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        let bytes = UnsafeMutableRawBufferPointer(buffer)
        var offset = 0
        while offset < count {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            withUnsafeBytes(of: state.littleEndian) { word in
                bytes[offset..<min(offset + 8, count)].copyBytes(from: word.prefix(count - offset))
            }
            offset += 8
        }
        initialized = count
    }
}

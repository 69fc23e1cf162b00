import Glibc

/// Whole reads and writes on a socket, which block.
public enum DescriptorIO {
    private static let bufferBytes: Int32 = 2 << 20

    /// Both ends of a stream, which no program inherits unless it is given one.
    static func pair() -> (ours: Int32, theirs: Int32)? {
        var ends: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else { return nil }
        // A mebibyte in few pieces, as far as the kernel lets us (net.core.wmem_max): fewer changes from one process to the other.
        for end in ends {
            var size = bufferBytes
            setsockopt(end, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size))
            setsockopt(end, SOL_SOCKET, SO_SNDBUFFORCE, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        return (ends[0], ends[1])
    }

    /// False when the other end is gone, or takes nothing for as long as the socket's limit says.
    public static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
        var done = 0
        while done < bytes.count {
            let count = send(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done, Int32(MSG_NOSIGNAL))
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }

    public static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool { bytes.withUnsafeBytes { write($0, to: descriptor) } }

    /// False when the stream ends before.
    public static func read(into buffer: UnsafeMutableRawBufferPointer, from descriptor: Int32) -> Bool {
        var done = 0
        while done < buffer.count {
            let count = Glibc.read(descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }

    public static func read(_ count: Int, from descriptor: Int32) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        return bytes.withUnsafeMutableBytes { read(into: $0, from: descriptor) } ? bytes : nil
    }
}

/// Lines of a descriptor, bounded.
public struct LineReader {
    private let descriptor: Int32
    private let limit: Int
    private var buffer: [UInt8] = []
    private var scanned = 0
    public private(set) var isTooLong = false

    public init(_ descriptor: Int32, limit: Int) {
        self.descriptor = descriptor
        self.limit = limit
    }

    private func end() -> Int? {
        buffer.withUnsafeBytes { bytes in
            guard bytes.count > scanned, let start = bytes.baseAddress, let found = memchr(start + scanned, 10, bytes.count - scanned)
            else {
                return nil
            }
            return start.distance(to: UnsafeRawPointer(found))
        }
    }

    /// Without its end; nil at the end of the stream, or where a line is too long.
    public mutating func next() -> [UInt8]? {
        while true {
            if let end = end() {
                let line = Array(buffer[..<end])
                buffer.removeFirst(end + 1)
                scanned = 0
                return line
            }
            scanned = buffer.count
            guard buffer.count <= limit else {
                isTooLong = true
                return nil
            }
            var part = [UInt8](repeating: 0, count: 64 << 10)
            let count = part.withUnsafeMutableBytes { part in
                while true {
                    let count = read(descriptor, part.baseAddress, part.count)
                    if count >= 0 || errno != EINTR { return count }
                }
            }
            guard count > 0 else {
                guard !buffer.isEmpty else { return nil }
                defer { buffer = [] }
                scanned = 0
                return buffer
            }
            buffer += part[..<count]
        }
    }
}

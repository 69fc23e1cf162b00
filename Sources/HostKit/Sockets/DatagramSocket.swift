import Glibc
import Synchronization

/// A way to a Unix datagram socket that somebody else has bound (unix(7)). It is connected at the first datagram, and anew where who
/// listened has been started again.
public final class DatagramSocket: Sendable {
    private let path: String
    private let descriptor = Mutex<Int32>(-1)

    public init(path: String) { self.path = path }

    deinit { descriptor.withLock { if $0 >= 0 { close($0) } } }

    /// False when nobody listens there, or takes it within so many milliseconds. Blocks as long.
    public func send(_ bytes: [UInt8], within milliseconds: Int32) -> Bool {
        descriptor.withLock { descriptor in
            // One that was connected before may belong to a listener that is gone.
            for _ in 0..<2 {
                if descriptor < 0 { descriptor = Self.connected(to: path) }
                guard descriptor >= 0 else { return false }
                if Self.send(bytes, to: descriptor, within: milliseconds) { return true }
                let isFull = errno == EAGAIN
                close(descriptor)
                descriptor = -1
                if isFull { return false }
            }
            return false
        }
    }

    /// `errno` is EAGAIN when the time is over.
    private static func send(_ bytes: [UInt8], to descriptor: Int32, within milliseconds: Int32) -> Bool {
        let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
        while true {
            if bytes.withUnsafeBytes({ Glibc.send(descriptor, $0.baseAddress, $0.count, flags) }) >= 0 { return true }
            if errno == EINTR { continue }
            guard errno == EAGAIN else { return false }
            var state = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard poll(&state, 1, milliseconds) > 0 else {
                errno = EAGAIN
                return false
            }
        }
    }

    private static func connected(to path: String) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return -1 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return -1 }
        let isConnected = withUnsafeBytes(of: &address) { memory in
            memory.assumingMemoryBound(to: sockaddr.self).baseAddress.map { connect(descriptor, $0, socklen_t(memory.count)) == 0 } ?? false
        }
        if isConnected { return descriptor }
        close(descriptor)
        return -1
    }
}

import Glibc

/// A Unix datagram socket that is bound as a syslog daemon's is.
public final class SyslogRig: Sendable {
    private let descriptor: Int32

    public init(_ path: String) throws {
        unlink(path)
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard descriptor >= 0, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw ResticRig.Failure(description: "no socket at \(path)")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let isBound = withUnsafeBytes(of: &address) { memory in
            memory.assumingMemoryBound(to: sockaddr.self).baseAddress.map { bind(descriptor, $0, socklen_t(memory.count)) == 0 } ?? false
        }
        guard isBound else { throw ResticRig.Failure(description: "no socket at \(path): \(String(cString: strerror(errno)))") }
    }

    deinit { close(descriptor) }

    /// Waits for a message, a minute at most. Blocks.
    public func next() throws -> String {
        var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&state, 1, 60_000) == 1 else { throw ResticRig.Failure(description: "no message came to the syslog socket") }
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = bytes.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
        guard count >= 0 else { throw ResticRig.Failure(description: String(cString: strerror(errno))) }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}

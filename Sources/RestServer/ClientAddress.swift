import Glibc
import NIOCore

/// By what connections are counted: an IPv4 address, or the /64 of an IPv6 one, all of which one client has.
struct ClientAddress: Hashable, Sendable, CustomStringConvertible {
    /// 4 bytes of IPv4, or the first 8 of IPv6.
    private let bytes: [UInt8]
    let description: String
    /// Of this machine.
    let isLoopback: Bool

    /// Nil for what is no address of a network.
    init?(_ address: SocketAddress?) {
        switch address {
        case .v4(let address): self.init(version4: withUnsafeBytes(of: address.address.sin_addr) { Array($0) })
        case .v6(let address):
            let all = withUnsafeBytes(of: address.address.sin6_addr) { Array($0) }
            // ::ffff:a.b.c.d is an IPv4 client of a socket that takes both (RFC 4291, 2.5.5.2).
            if all.starts(with: [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]) {
                self.init(version4: Array(all[12...]))
            } else {
                let groups = stride(from: 0, to: 8, by: 2).map { String(UInt16(all[$0]) << 8 | UInt16(all[$0 + 1]), radix: 16) }
                self.init(
                    bytes: Array(all[..<8]), description: groups.joined(separator: ":") + "::/64",
                    isLoopback: all.dropLast().allSatisfy { $0 == 0 } && all.last == 1)
            }
        case .unixDomainSocket, nil: return nil
        }
    }

    private init(version4: [UInt8]) {
        self.init(bytes: version4, description: version4.map(String.init).joined(separator: "."), isLoopback: version4.first == 127)
    }

    private init(bytes: [UInt8], description: String, isLoopback: Bool) {
        self.bytes = bytes
        self.description = description
        self.isLoopback = isLoopback
    }
}

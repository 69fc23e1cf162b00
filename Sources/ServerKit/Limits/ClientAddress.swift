import Glibc
public import NIOCore

/// By what connections are counted: an IPv4 address, or the /64 of an IPv6 one, all of which one client has.
public struct ClientAddress: Hashable, Sendable, CustomStringConvertible {
    /// `192.0.2.7`, `2001:db8:1:2::/64`
    public let description: String
    /// Of this machine.
    public let isLoopback: Bool

    /// Nil for what is no address of a network.
    public init?(_ address: SocketAddress?) {
        guard let text = address?.ipAddress else { return nil }
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &bytes) == 1 {
            self.init(version4: bytes.prefix(4))
        } else if inet_pton(AF_INET6, String(text.prefix { $0 != "%" }), &bytes) == 1 {
            // ::ffff:a.b.c.d is an IPv4 client of a socket that takes both (RFC 4291, 2.5.5.2).
            if bytes.starts(with: [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]) {
                self.init(version4: bytes.suffix(4))
            } else {
                let groups = stride(from: 0, to: 8, by: 2).map { String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16) }
                self.init(groups.joined(separator: ":") + "::/64", isLoopback: bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1)
            }
        } else {
            return nil
        }
    }

    private init(version4: ArraySlice<UInt8>) {
        self.init(version4.map(String.init).joined(separator: "."), isLoopback: version4.first == 127)
    }

    private init(_ description: String, isLoopback: Bool) {
        self.description = description
        self.isLoopback = isLoopback
    }
}

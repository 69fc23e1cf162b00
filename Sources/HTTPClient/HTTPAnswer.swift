public import Basics

/// What a server answered, whatever its status.
public struct HTTPAnswer: Sendable {
    public var status: Int
    /// In the order received; names as the server wrote them.
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]

    public init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The first header of that name, in whatever case.
    public func header(_ name: String) -> String? { headers.first { $0.name.lowercased() == name.lowercased() }?.value }

    public var isSuccess: Bool { (200...299).contains(status) }

    /// True when the same request may succeed later (RFC 9110, 15.5 and 15.6; RFC 6585, 4).
    public var isWorthRetrying: Bool { [408, 425, 429, 500, 502, 503, 504].contains(status) }

    /// Seconds of `Retry-After`, where the server gave them.
    public var retryAfterSeconds: Int64? { header("Retry-After").flatMap { Int64($0) }.flatMap { $0 >= 0 ? $0 : nil } }
}

extension HTTPAnswer: SecretHolding {
    public var shown: String { "status \(status), \(body.count) bytes" }
}

public import Basics

/// One HTTP request (RFC 9110). Redirects are not followed: a 3xx is an answer like any other, and no header goes to another host.
public struct HTTPRequest: Sendable {
    public var method: String
    /// `http://` or `https://`.
    public var url: String
    /// In the order given. Never logged.
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]?
    /// To the end of connecting and of TLS.
    public var connectTimeout: TimeSpan
    /// In all.
    public var timeout: TimeSpan
    /// Without a byte going either way; whole seconds.
    public var stall: TimeSpan
    /// A longer answer is an error.
    public var maximumResponse: ByteCount
    /// A file of PEM certificates to trust instead of the machine's own.
    public var trustFile: String?
    /// `http://[user:password@]host:port`; nil for none. What the environment says (`https_proxy`) and `.netrc` count for nothing: a request goes
    /// where it was declared to go, and with what it was declared to carry.
    public var proxy: String?
    /// Told of bytes as they go over the wire, on the transfer's own thread; the transfer rests for as long as it answers.
    public var pace: (@Sendable (_ sent: Int, _ received: Int) -> Duration)?

    public init(
        method: String = "GET", url: String, headers: [(name: String, value: String)] = [], body: [UInt8]? = nil,
        connectTimeout: TimeSpan = .seconds(10), timeout: TimeSpan = .seconds(60), stall: TimeSpan = .seconds(60),
        maximumResponse: ByteCount = .mebibytes(16), trustFile: String? = nil, proxy: String? = nil,
        pace: (@Sendable (_ sent: Int, _ received: Int) -> Duration)? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.connectTimeout = connectTimeout
        self.timeout = timeout
        self.maximumResponse = maximumResponse
        self.trustFile = trustFile
        self.proxy = proxy
        self.stall = stall
        self.pace = pace
    }
}

extension HTTPRequest {
    /// The URL without what may be secret in it: user, password, query and fragment. For errors and logs.
    public var address: String {
        guard let scheme = url.firstRange(of: "://") else { return "\(method) \(url.prefix { $0 != "?" && $0 != "#" })" }
        let rest = url[scheme.upperBound...].prefix { $0 != "?" && $0 != "#" }
        let authority = rest.prefix { $0 != "/" }
        let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
        return "\(method) \(url[..<scheme.upperBound])\(host)\(rest[authority.endIndex...])"
    }

    /// Refuses what would smuggle a second header or request into the first.
    func validate() throws(Explanation) {
        func refusal(_ expected: String, _ found: String) -> Explanation {
            Explanation(
                .invalidRequest, expected: expected, found: found, at: address, advice: "correct the request", retry: .permanent)
        }
        let lower = url.lowercased()
        guard lower.hasPrefix("http://") || lower.hasPrefix("https://") else { throw refusal("an http:// or https:// URL", "another one") }
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw refusal("a URL without spaces and control characters", "one with some")
        }
        guard !method.isEmpty, method.utf8.allSatisfy(Self.isToken) else { throw refusal("a method of letters", method.debugDescription) }
        for (name, value) in headers {
            guard !name.isEmpty, name.utf8.allSatisfy(Self.isToken) else { throw refusal("a header name", name.debugDescription) }
            guard value.utf8.allSatisfy({ $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }) else {
                throw refusal("a value of header \(name) without line breaks and control characters", "one with some")
            }
        }
    }

    /// RFC 9110, 5.6.2.
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}

extension HTTPRequest: SecretHolding {
    public var shown: String { address }
}

public import NIOHTTP1

extension HTTPRequestHead {
    /// The client sends its body when it is told to (RFC 9110, 10.1.1). Version 1.0 knows no interim answers.
    public var awaitsGo: Bool { version.minor > 0 && headers.first(name: "Expect")?.lowercased() == "100-continue" }

    /// The client would speak another protocol after this request: what follows it is not read as HTTP, so that nothing more can be asked.
    public var endsProtocol: Bool { method == .CONNECT || headers.contains(name: "Upgrade") }
}

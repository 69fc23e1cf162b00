import Basics
import HTTPClient
import StepKit
import StorageKit
import Synchronization

/// How an object store's requests travel: declared and carried out once for all stores that speak HTTP.
struct StoreConnection: Sendable {
    static let fields = [connections.field, timeout.field, trustFile.field, proxy.field]

    static let connections = Setting<Int>(
        "connections", "Maximum concurrent requests to this server, for all of a worker's steps and repositories together", default: 8,
        type: .integer(1...64))
    static let timeout = Setting<TimeSpan>(
        "timeout", "Timeout for a request in which no data moves; it is then tried again", default: .seconds(60))
    static let trustFile = Setting<String>(
        "trustFile", "A PEM file with the authorities to trust, instead of the machine's own", type: .path)
    static let proxy = Setting<String>(
        "proxy", "A proxy, as http://host:port; by default none, whatever the worker's environment says")

    /// Packs have at most 128 MiB; nothing else of a repository is nearly as long.
    private static let maximumResponse = ByteCount.gibibytes(4)
    /// For one request in all: a pack through a very thin line.
    private static let wholeTime = TimeSpan.hours(6)

    private let client: Client
    let width: Int
    private let timeout: TimeSpan
    private let trustFile: String?
    private let proxy: String?
    private let pacing = Pacing()
    private let hosts: HostSlots

    /// Shared by all copies of the connection.
    private final class Pacing: Sendable {
        let limit = Mutex<BandwidthLimit?>(nil)
    }

    init(_ settings: Settings, _ hosts: HostSlots) throws(StepError) {
        self.hosts = hosts
        width = try settings.value(Self.connections)
        client = Client(width: width)
        timeout = try settings.value(Self.timeout)
        trustFile = try settings.optional(Self.trustFile)
        proxy = try Self.proxy(settings)
    }

    /// The proxy that is declared.
    static func proxy(_ settings: Settings) throws(StepError) -> String? {
        guard let proxy = try settings.optional(Self.proxy) else { return nil }
        guard !proxy.contains("@") else {
            throw StepError(
                .invalidSetting, expected: "`proxy` as http://host:port", found: withoutUser(proxy), at: settings.origin,
                advice: "a document holds no password in clear: let the proxy know the worker by its address")
        }
        return proxy
    }

    /// For errors: an address may have a user and a password in it that should not be there.
    static func withoutUser(_ address: String) -> String {
        guard let end = address.lastIndex(of: "@") else { return address }
        let start = address.firstRange(of: "://")?.upperBound ?? address.startIndex
        return start < end ? address[..<start] + "…" + address[end...] : address
    }

    /// Scheme, name and port, as the address has them.
    private static func host(_ url: String) -> String {
        url.split(separator: "/", maxSplits: 2).prefix(2).joined(separator: "//").lowercased()
    }

    /// Requests from now on keep within the limit.
    func pace(by limit: BandwidthLimit) { pacing.limit.withLock { $0 = limit } }

    private func pace() -> (@Sendable (Int, Int) -> Duration)? {
        guard let limit = pacing.limit.withLock({ $0 }) else { return nil }
        return { sent, received in sent > 0 ? limit.moved(sent, .upload) : limit.moved(received, .download) }
    }

    /// The server's answer, whatever its status. Throws `StorageError` where there is none.
    func send(
        _ method: String, _ url: String, headers: [(name: String, value: String)] = [], body: [UInt8]? = nil
    ) async throws -> HTTPAnswer {
        let request = HTTPRequest(
            method: method, url: url, headers: headers, body: body, connectTimeout: min(timeout, .seconds(30)), timeout: Self.wholeTime,
            stall: timeout, maximumResponse: Self.maximumResponse, trustFile: trustFile, proxy: proxy, pace: pace())
        do {
            return try await hosts.within(width, of: Self.host(url)) { try await client.send(request) }
        } catch let error as Explanation {
            if error.kind == .cancelled { throw CancellationError() }
            throw StorageError(unanswered: error)
        }
    }
}

extension StorageError {
    /// No answer came.
    init(unanswered error: Explanation) {
        var explanation = error
        explanation.kind =
            switch error.kind {
            case .untrusted: .accessDenied
            case .invalidRequest, .tooLarge: .invalid
            default: .unavailable
            }
        self.init(explanation)
    }

    /// An answer that is none of those that were expected, as far as the status alone says what it means. `said` is what the server added.
    init(answer: HTTPAnswer, expected: String, said: String? = nil, at location: String) {
        let words =
            said ?? String(decoding: answer.body.prefix(300), as: UTF8.self).split(whereSeparator: \.isNewline).joined(separator: " ")
        let (kind, advice, retry): (ErrorKind, String, Retryability) =
            switch answer.status {
            case 300..<400:
                (.invalid, "the server sends elsewhere; give the address that it names: \(answer.header("Location") ?? "none")", .permanent)
            case 401: (.accessDenied, "check the user and the password or key", .permanent)
            case 403: (.accessDenied, "the server knows the user but forbids this; check the rights", .permanent)
            case 404, 410: (.notFound, "check the address; create the repository first", .permanent)
            case 409, 412: (.exists, "", .lostRace)
            case 413, 507: (.noSpace, "make room or raise the quota, then run again: what was stored is kept", .transient)
            case 416: (.truncated, "the object is shorter than it should be; run a check", .permanent)
            case _ where answer.isWorthRetrying: (.unavailable, "look at the server's log if it lasts", .transient)
            default: (.failed, "look at the server's log", .permanent)
            }
        self.init(
            kind, expected: expected, found: "status \(answer.status)" + (words.isEmpty ? "" : ": \(words)"), at: location, advice: advice,
            retry: retry, retryAfter: answer.retryAfterSeconds.map { .seconds($0) })
    }
}

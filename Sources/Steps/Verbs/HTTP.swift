import FlowModel
import Basics
import HTTPClient
import StepKit

/// Makes a request.
struct HTTP: Verb {
    let declaration = VerbDeclaration(
        name: "http", summary: "Make an HTTP request; redirects are not followed", subject: .none,
        schema: SettingsSchema([
            Self.url.field, Self.method.field, Self.headers.field, Self.body.field, Self.expect.field, Self.wait.field, Self.instant.field,
            StoreConnection.proxy.field,
        ]), workClass: .backup, windowRole: .instantWhenDeclared,
        outputs: [
            "status": "The response's status", "body": "The response's body, up to 64 KiB: a JSON value if it is JSON, text otherwise",
            "truncated": "True if there was more",
        ])

    static let url = Setting<String>.required("url", "The URL, http:// or https://")
    static let method = Setting<String>(
        "method", "The method; by default POST with a body, GET without one",
        type: .choice(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]))
    static let headers = Setting<[String: EnvironmentValue]>("headers", "Request headers; values may be secret references", default: [:])
    static let body = Setting<JSONValue>("body", "The request's body: a text is sent as it is, anything else as JSON")
    static let expect = Setting<HTTPExpectation>(
        "expect", "What counts as success", default: HTTPExpectation(), type: HTTPExpectation.settingType)
    static let wait = Setting<String>("wait", "callback: wait until the server calls back", type: .choice(["callback"]))
    static let instant = Setting<Bool>("instant", "True: quick enough to run inside a window; requires a timeout", default: false)

    /// More of an answer is read and thrown away up to this, so that a long one is no error.
    private static let readAtMost = ByteCount.mebibytes(16)
    private static let keptBytes = 64 << 10

    /// It fails whatever the server does: better before anything runs.
    func problems(in settings: Settings) -> [SettingProblem] {
        guard settings.values[Self.wait.name] != nil else { return [] }
        return SettingProblem(Self.wait.name) { throw Self.noCallback(settings.origin) }.map { [$0] } ?? []
    }

    private static func noCallback(_ origin: String) -> StepError {
        StepError(
            .invalidSetting, expected: "a server of snappy-flow's that can be called back", found: "none: there is no such server yet",
            at: origin, advice: "leave `wait` out, and ask with another `http` step and its `retry` whether it is done")
    }

    func run(_ context: StepContext) async throws -> StepResult {
        let settings = context.settings
        if try settings.optional(Self.wait) != nil { throw Self.noCallback(settings.origin) }
        let expectation = try settings.value(Self.expect)
        let (request, hidden) = try request(context)
        try context.recorder.ensureHeld()
        var response = try await Client().send(request)
        // What it says becomes an output or an error, and there are servers that repeat what they were asked.
        response.body = Self.redacted(response.body, hidden)
        context.recorder.log(.info, "\(request.address) answered \(response.status)")
        try expectation.judge(response, of: request)
        let kept = Array(response.body.prefix(Self.keptBytes))
        let isCut = kept.count < response.body.count
        let body =
            (isCut ? nil : try? JSONValue(parsing: kept, depth: JSONValue.foreignDepth)) ?? .string(String(decoding: kept, as: UTF8.self))
        return StepResult(outputs: ["status": .int(Int64(response.status)), "body": body, "truncated": .bool(isCut)])
    }

    private static func redacted(_ body: [UInt8], _ hidden: [String]) -> [UInt8] {
        let text = String(decoding: body, as: UTF8.self)
        guard hidden.contains(where: { text.contains($0) }) else { return body }
        return Array(hidden.reduce(text) { $0.replacing($1, with: "<redacted>") }.utf8)
    }

    /// The request, and what of it nobody may see. A repeated attempt carries the same `Idempotency-Key` as the first.
    private func request(_ context: StepContext) throws -> (HTTPRequest, hidden: [String]) {
        let settings = context.settings
        var headers: [(name: String, value: String)] = []
        var hidden: [String] = []
        for (name, value) in try settings.value(Self.headers).sorted(by: { $0.key < $1.key }) {
            switch value {
            case .text(let text): headers.append((name, text))
            case .secret(let reference):
                let text = try context.secrets.resolve(reference).revealText()
                headers.append((name, text))
                // The whole, then the credentials alone, after the scheme (RFC 9110, 11.4).
                hidden.append(text)
                if let space = text.firstIndex(of: " ") { hidden.append(String(text[text.index(after: space)...])) }
            }
        }
        func add(_ name: String, _ value: String) {
            if !headers.contains(where: { $0.name.lowercased() == name.lowercased() }) { headers.append((name, value)) }
        }
        var body: [UInt8]?
        switch try settings.optional(Self.body) {
        case nil, .null: break
        case .string(let text):
            body = Array(text.utf8)
            add("Content-Type", "text/plain; charset=utf-8")
        case let json?:
            body = json.canonicalBytes
            add("Content-Type", "application/json")
        }
        let method = try settings.optional(Self.method) ?? (body == nil ? "GET" : "POST")
        if method != "GET", method != "HEAD" { add("Idempotency-Key", context.key) }
        var request = HTTPRequest(
            method: method, url: try settings.value(Self.url), headers: headers, body: body, maximumResponse: Self.readAtMost,
            proxy: try StoreConnection.proxy(settings))
        if let timeout = context.step.timeout { request.timeout = timeout }
        return (request, hidden.filter { !$0.isEmpty })
    }
}

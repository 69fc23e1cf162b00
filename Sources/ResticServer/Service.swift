import ServerKit
import Crypto
import Basics
import Foundation
import Logging
import NIOHTTP1
import Threads

/// What all connections share, and the protocol itself: a request in, an answer out (restic doc/REST_backend.rst).
final class Service: Sendable {
    let settings: ResticServerSettings
    let metrics = Metrics()
    let log: Logger
    let quota: Quota
    let connections: Connections
    /// File calls block, an fsync for long.
    let files = BlockingPool(label: "rest-files", width: 16)
    /// One at a time, so that two can't pass a limit together.
    private let making = BlockingPool(label: "rest-making", width: 1)
    private let doorkeeper: Doorkeeper?
    /// Nil without TLS.
    let identity: TLSIdentity?

    init(_ settings: ResticServerSettings, log: Logger) async throws {
        try settings.validate()
        self.settings = settings
        self.log = log
        connections = Connections(
            most: settings.maximumConnections, mostUnknown: settings.connectionsPerAddress, mostOfUser: settings.connectionsPerUser)
        (doorkeeper, identity) = try await files.run {
            let doorkeeper = try Doorkeeper(passwordFile: settings.passwordFile, tokenFile: settings.tokenFile, log: log)
            guard let certificate = settings.certificateFile, let key = settings.keyFile else { return (doorkeeper, nil) }
            return (doorkeeper, try TLSIdentity(certificate: certificate, key: key))
        }
        guard access(settings.path, R_OK | W_OK | X_OK) == 0 else {
            throw Explanation(
                .unreadable, expected: "a folder that can be written to", found: String(cString: strerror(errno)), at: settings.path,
                advice: "make it, and run the server as its owner")
        }
        let isCounted = settings.maximumSize != nil || settings.hasMetrics
        quota = Quota(limit: settings.maximumSize, used: isCounted ? try await files.run { try Quota.measure(settings.path) } : 0)
    }

    /// Called by each connection, for those after it.
    func renewIdentity() async {
        guard let identity else { return }
        do {
            if try await files.run({ try identity.refresh() }) { log.notice("the certificate was read again") }
        } catch {
            log.error("connections get the former certificate", error: error)
        }
    }

    /// The user's name; nil where nobody is asked.
    func authenticate(_ head: HTTPRequestHead, from address: ClientAddress?) async throws -> String? {
        do {
            return try await doorkeeper?.user(head.headers.first(name: "Authorization"), from: address)
        } catch let refusal as LoginRefusal {
            throw Refusal(refusal)
        }
    }

    /// `accepts` is called before the body is read: the client may wait for it (`Expect: 100-continue`).
    func answer(
        _ head: HTTPRequestHead, user: String?, from address: ClientAddress?, body: inout RequestBody, accepts: () async throws -> Void
    ) async throws -> Answer {
        if settings.hasMetrics, head.uri == "/metrics" {
            guard head.method == .GET else { throw Refusal.method(allow: "GET") }
            guard user.map({ settings.metricsUsers.containsExactly($0) }) ?? (address?.isLoopback == true) else {
                throw Refusal(
                    .forbidden, "the figures are of all repositories together, for whom the server's owner names (--metrics-user)")
            }
            let text = metrics.text(connections: connections.count, used: quota.usedBytes)
            return Answer(.text(text, type: MetricsText.contentType))
        }
        guard let target = RequestTarget(head.uri) else {
            throw Refusal(.notFound, "nothing can be at this address; a repository's is /NAME/, its objects are below")
        }
        if settings.hasPrivateRepositories, target.repository.first.map({ ExactText($0) }) != user.map({ ExactText($0) }) {
            throw Refusal(.forbidden, "your repositories are below /\(user ?? "")/")
        }
        let folder = RepositoryFolder(below: settings.path, target)
        switch target.subject {
        case .repository(let create):
            let owned = settings.hasPrivateRepositories ? target.repository.prefix(1) : []
            return try await repository(folder, head.method, create: create, among: ([settings.path] + owned).joined(separator: "/"))
        case .list(let kind):
            guard head.method == .GET else { throw Refusal.method(allow: "GET") }
            let parts = try await files.run { try folder.parts(kind) }
            return Answer(.list(parts, isVersion2: head.headers["Accept"].contains { $0.contains(Answer.version2) }))
        case .config(let name):
            if head.method == .DELETE, settings.isAppendOnly { throw Self.appendOnly }
            let upload = Upload(file: "\(folder.path)/\(name)", expected: nil, maximum: 1 << 20, kind: nil)
            return try await object(upload, head, &body, accepts)
        case .object(let kind, let id):
            if head.method == .DELETE, settings.isAppendOnly, kind != .locks { throw Self.appendOnly }
            let upload = Upload(file: folder.file(kind, id), expected: id, maximum: kind.maximumBytes, kind: kind)
            return try await object(upload, head, &body, accepts)
        }
    }

    private static let appendOnly = Refusal(
        .appendOnly, "this server only ever adds (--append-only): forget and prune where the repositories lie, or ask the server's owner to"
    )

    /// `all`: the folder of those that are counted together.
    private func repository(_ folder: RepositoryFolder, _ method: HTTPMethod, create: Bool, among all: String) async throws -> Answer {
        switch method {
        case .POST where create:
            try await making.run { [self] in try make(folder, among: all) }
            return .done
        case .POST: throw Refusal(.badRequest, "a repository is created by POST with ?create=true")
        case .DELETE: throw Refusal(.unsupported, "repositories are removed where they lie, by the server's owner")
        default: throw Refusal.method(allow: "POST")
        }
    }

    /// Blocks.
    private func make(_ folder: RepositoryFolder, among all: String) throws(Refusal) {
        let most = settings.maximumRepositories
        let isNew = !folder.exists
        if isNew, try RepositoryFolder.count(in: all, upTo: most) >= most {
            throw Refusal(.tooMany, "there are \(most) repositories, and no more may be made: use one of them, or ask the server's owner")
        }
        // One that is there already lacks a folder at most, and may be asked for when there is no room any more.
        let room = isNew ? Int64(folder.folderCount) * Quota.folderBytes : 0
        var made = 0
        try quota.take(room)
        defer { quota.giveBack(room - Int64(made) * Quota.folderBytes) }
        try folder.create(made: &made)
    }

    private func object(
        _ upload: Upload, _ head: HTTPRequestHead, _ body: inout RequestBody, _ accepts: () async throws -> Void
    ) async throws -> Answer {
        let path = upload.file
        switch head.method {
        case .HEAD:
            guard let size = try await files.run({ try RepositoryFolder.size(path) }) else { throw Refusal(errno: ENOENT, "an object") }
            return Answer(.length(size))
        case .GET: return try Answer(try await files.run { try StoredFile(path) }, range: head.headers.first(name: "Range"))
        case .POST:
            try await store(upload, head, &body, accepts)
            return .done
        case .DELETE:
            // Removing what is not there succeeds: the client may not have seen the answer to its first try.
            if let size = try await files.run({ try RepositoryFolder.remove(path) }) {
                quota.giveBack(Quota.weight(size))
                if let kind = upload.kind { metrics.removed(kind) }
            }
            return .done
        default: throw Refusal.method(allow: "HEAD, GET, POST, DELETE")
        }
    }
}

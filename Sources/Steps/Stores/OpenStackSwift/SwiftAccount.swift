import Basics
import Foundation
import HTTPClient
import StorageKit

/// An account of a server that speaks OpenStack's object storage protocol (docs.openstack.org/api-ref/object-store), with a token that is
/// renewed when the server no longer takes it.
actor SwiftAccount {
    nonisolated let connection: StoreConnection
    private let login: any SwiftLogin
    /// Instead of the address that the server names.
    private let storageURL: String?
    private static let renewals = 3
    private var current: Task<SwiftSession, any Error>?

    init(login: any SwiftLogin, storageURL: String?, connection: StoreConnection) {
        self.login = login
        self.storageURL = storageURL
        self.connection = connection
    }

    /// A session that is not `stale`; whoever asks at the same time waits for the same answer. A server may give out the same token again while
    /// it lives: then its refusal is about something else.
    func session(after stale: SwiftSession? = nil) async throws -> SwiftSession {
        if let known = current {
            if let session = try? await known.value, session != stale { return session }
            if current == known { current = nil }
        }
        return try await (current ?? begin()).value
    }

    private func begin() -> Task<SwiftSession, any Error> {
        let task = Task { [login, connection, storageURL] in
            var session = try await login.session(connection)
            if let storageURL { session = SwiftSession(url: storageURL, token: session.token) }
            return session
        }
        current = task
        return task
    }

    /// The answer, whatever its status. `path` is what follows the account's address, encoded.
    nonisolated func send(
        _ method: String, _ path: String, headers: [(name: String, value: String)] = [], body: [UInt8]? = nil
    ) async throws -> HTTPAnswer {
        var session = try await session()
        var answer = try await send(method, path, headers, body, session)
        // More than once: a fresh token may be lost again by a server that keeps them in a cache.
        for _ in 0..<Self.renewals where answer.status == 401 {
            session = try await self.session(after: session)
            answer = try await send(method, path, headers, body, session)
        }
        return answer
    }

    private nonisolated func send(
        _ method: String, _ path: String, _ headers: [(name: String, value: String)], _ body: [UInt8]?, _ session: SwiftSession
    ) async throws -> HTTPAnswer {
        // libcurl would call a body a form.
        let type = body != nil && !headers.contains { $0.name == "Content-Type" } ? [("Content-Type", "application/octet-stream")] : []
        return try await connection.send(
            method, session.url + path, headers: headers + type + [("X-Auth-Token", session.token)], body: body)
    }

    /// The largest object that the server takes whole, bytes; nil where it does not say (`/info`, which Ceph's gateway has not).
    nonisolated func largestObject() async throws -> Int? {
        let url = try await session().url
        guard let parts = URLComponents(string: url), let scheme = parts.scheme, let host = parts.encodedHost else { return nil }
        let answer = try await connection.send("GET", "\(scheme)://\(host)\(parts.port.map { ":\($0)" } ?? "")/info")
        guard answer.status == 200, let info = try? JSONValue(parsing: answer.body) else { return nil }
        return info["swift"]?["max_file_size"]?.intValue.map { Int($0) }
    }
}

import Crypto
import Foundation
import Synchronization
import Threads

/// Says who asks: by a password or token (RFC 7617), or by a token alone (RFC 6750).
final class Doorkeeper: Sendable {
    private let state: Mutex<State>
    private let salt = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
    private let reading = BlockingPool(label: "rest-door", width: 1)
    /// Slow hashes get threads of their own: whoever guesses passwords holds up nobody who is known already.
    private let hashing = BlockingPool(label: "rest-crypt", width: 2)
    private let log: @Sendable (String) -> Void

    private struct State {
        var files: [CredentialFile]
        /// Salted digests of what was found right since the files were read.
        var known: Set<SHA256Digest> = []
        var generation = 0

        func hashes(of user: String) -> [PasswordHash] { files.flatMap { $0.users[user] ?? [] } }

        func owner(of token: SHA256Digest) -> String? {
            files.lazy.flatMap(\.users).first { $0.value.contains(.token(token)) }?.key
        }
    }

    /// Nil where everybody is let in.
    init?(_ settings: RestServerSettings, log: @escaping @Sendable (String) -> Void) throws(RestServerError) {
        var files: [CredentialFile] = []
        if let path = settings.passwordFile { files.append(try CredentialFile(path, .passwords)) }
        if let path = settings.tokenFile { files.append(try CredentialFile(path, .tokens)) }
        guard !files.isEmpty else { return nil }
        state = Mutex(State(files: files))
        self.log = log
    }

    /// The user of an `Authorization` header; `.unauthenticated` for anything else.
    func user(_ header: String?) async throws -> String {
        let refusal = Refusal(.unauthenticated, "give the user and password, or token, that the server's owner gave you")
        guard let parts = header?.split(separator: " ", maxSplits: 1).map(String.init), parts.count == 2 else { throw refusal }
        try await reading.run { [self] in refresh() }
        switch parts[0].lowercased() {
        case "bearer":
            let token = SHA256.digest(Array(parts[1].utf8))
            guard let user = state.withLock({ $0.owner(of: token) }) else { throw refusal }
            return user
        case "basic":
            guard let text = Data(base64Encoded: parts[1]).flatMap({ String(data: $0, encoding: .utf8) }),
                let colon = text.firstIndex(of: ":")
            else { throw refusal }
            let (user, password) = (String(text[..<colon]), String(text[text.index(after: colon)...]))
            let digest = SHA256.digest(salt + Array(text.utf8))
            let (isKnown, hashes, generation) = state.withLock { ($0.known.contains(digest), $0.hashes(of: user), $0.generation) }
            if isKnown { return user }
            let isRight = try await hashing.run {
                hashes.isEmpty ? PasswordHash.nobody.accepts(password) && false : hashes.contains { $0.accepts(password) }
            }
            guard isRight else { throw refusal }
            // What was right before a change of the files is not known after it.
            state.withLock { state in
                guard state.generation == generation else { return }
                if state.known.count > 4096 { state.known = [] }
                state.known.insert(digest)
            }
            return user
        default: throw refusal
        }
    }

    private func refresh() {
        state.withLock { state in
            for index in state.files.indices {
                do throws(RestServerError) {
                    guard try state.files[index].refresh() else { continue }
                    log("\(state.files[index].path) was read again")
                } catch {
                    log("\(error); those who were known before still are")
                    continue
                }
                state.known = []
                state.generation += 1
            }
        }
    }
}

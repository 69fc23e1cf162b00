import Crypto
public import Basics
import Foundation
public import Logging
import Synchronization
import Threads

/// Says who asks: by a password or token (RFC 7617), or by a token alone (RFC 6750).
public final class Doorkeeper: Sendable {
    private let state: Mutex<State>
    private let salt = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
    private let reading = BlockingPool(label: "doorkeeper", width: 1)
    private let checks = PasswordChecks()
    private let accepts: @Sendable (PasswordHash, String) -> Bool
    private let log: Logger

    private struct State {
        var files: [CredentialFile]
        /// Salted digests of what was found right since the files were read.
        var known: Set<SHA256Digest> = []
        var generation = 0
        /// Who has a hash, in order.
        private(set) var users: [ExactText] = []

        init(_ files: [CredentialFile]) {
            self.files = files
            list()
        }

        mutating func changed() {
            known = []
            generation += 1
            list()
        }

        private mutating func list() { users = Set(files.flatMap(\.users.keys)).filter { !hashes(of: $0).isEmpty }.sorted() }

        /// One who is shut out in one file has nothing in another.
        private func hashes(of user: ExactText) -> [PasswordHash] {
            let found = files.compactMap { $0.users[user] }
            return found.contains([]) ? [] : found.flatMap { $0 }
        }

        /// What a password is measured against. Where there is no such user, or he is shut out, it is another's hashes, always the same for
        /// one name: an answer takes as long as for one who is there, and its time tells nobody who is.
        func measure(_ user: ExactText, _ salt: [UInt8]) -> (hashes: [PasswordHash], isUser: Bool) {
            let own = hashes(of: user)
            guard own.isEmpty, !users.isEmpty else { return (own, !own.isEmpty) }
            let choice = withUnsafeBytes(of: SHA256.digest(salt + Array(user.text.utf8))) { $0.loadUnaligned(as: UInt64.self) }
            return (hashes(of: users[Int(choice % UInt64(users.count))]), false)
        }

        func owner(of token: SHA256Digest) -> String? {
            users.first { hashes(of: $0).contains(.token(token)) }?.text
        }
    }

    /// Nil where there are no files: everybody is let in. `log` gets a line when a file was read again, or could not be; `accepts` blocks.
    public init?(
        passwordFile: String?, tokenFile: String?, log: Logger,
        accepts: @escaping @Sendable (PasswordHash, String) -> Bool = { $0.accepts($1) }
    ) throws(Explanation) {
        var files: [CredentialFile] = []
        if let path = passwordFile { files.append(try CredentialFile(path, .passwords)) }
        if let path = tokenFile { files.append(try CredentialFile(path, .tokens)) }
        guard !files.isEmpty else { return nil }
        state = Mutex(State(files))
        self.accepts = accepts
        self.log = log
    }

    /// The user of an `Authorization` header; `LoginRefusal.unauthenticated` for anything else, `.busy` when too many are asked for at once.
    public func user(_ header: String?, from address: ClientAddress?) async throws -> String {
        let refusal = LoginRefusal.unauthenticated
        guard let parts = header?.split(separator: " ", maxSplits: 1).map(String.init), parts.count == 2 else { throw refusal }
        try await reading.run { [self] in refresh() }
        switch parts[0].lowercased() {
        case "bearer":
            let token = SHA256.digest(Array(parts[1].utf8))
            guard let user = state.withLock({ $0.owner(of: token) }) else { throw refusal }
            return user
        case "basic":
            guard let text = Data(base64Encoded: parts[1]).flatMap({ String(data: $0, encoding: .utf8) }),
                let colon = text.utf8.firstIndex(of: UInt8(ascii: ":"))
            else { throw refusal }
            let (user, password) = (String(text[..<colon]), String(text[text.utf8.index(after: colon)...]))
            let digest = SHA256.digest(salt + Array(text.utf8))
            let (isKnown, generation) = state.withLock { ($0.known.contains(digest), $0.generation) }
            if isKnown { return user }
            let (hashes, isUser) = state.withLock { $0.measure(ExactText(user), salt) }
            let accepts = accepts
            let isRight = try await checks.isRight(.init(digest: digest, generation: generation), from: address) {
                hashes.contains { accepts($0, password) }
            }
            guard isRight, isUser else { throw refusal }
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
                let path = state.files[index].path
                do throws(Explanation) {
                    guard try state.files[index].refresh() else { continue }
                    log.notice("\(path) was read again")
                } catch {
                    log.error("those who were known before still are", error: error)
                    continue
                }
                state.changed()
            }
        }
    }
}

import Basics
import StorageKit

/// A way to be let in: what comes of it is an account's address and a token for it.
protocol SwiftLogin: Sendable {
    /// Asks the server anew. Throws `StorageError`: `.accessDenied` where the server does not know who asks.
    func session(_ connection: StoreConnection) async throws -> SwiftSession
}

struct SwiftSession: Sendable, Hashable {
    /// The account's address, without `/` at its end.
    var url: String
    /// A secret.
    var token: String

    init(url: String, token: String) {
        self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
        self.token = token
    }
}

extension SwiftSession: SecretHolding {
    var shown: String { "session at \(url)" }
}

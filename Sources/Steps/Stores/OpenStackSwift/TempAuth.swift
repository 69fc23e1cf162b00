import Basics
import HTTPClient
import StorageKit

/// Version 1 of the protocol (docs.openstack.org/api-ref/object-store, "Authentication"): OpenStack Swift's TempAuth, Ceph's gateway and others.
struct TempAuth: SwiftLogin {
    let url: String
    /// `account:user`
    let user: String
    let key: String

    func session(_ connection: StoreConnection) async throws -> SwiftSession {
        let answer = try await connection.send("GET", url, headers: [("X-Auth-User", user), ("X-Auth-Key", key)])
        if answer.status == 401 || answer.status == 403 {
            throw StorageError(
                .accessDenied, expected: "a user and a password that the server knows", found: "status \(answer.status)", at: url,
                advice: "correct `user` (as account:user) and `userPassword`")
        }
        guard answer.isSuccess else {
            throw StorageError(answer: answer, expected: "a token", at: url)
        }
        guard let storage = answer.header("X-Storage-Url"), let token = answer.header("X-Auth-Token") else {
            throw StorageError(
                .invalid, expected: "an answer with X-Storage-Url and X-Auth-Token", found: "none with both", at: url,
                advice: "check `authURL`: it ends with /auth/v1.0 at most servers")
        }
        return SwiftSession(url: storage, token: token)
    }
}

extension TempAuth: SecretHolding {
    var shown: String { "login of \(user) at \(url)" }
}

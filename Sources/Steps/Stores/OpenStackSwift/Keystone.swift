import Basics
import FlowModel
import HTTPClient
import StorageKit

/// OpenStack's identity service, version 3 (docs.openstack.org/api-ref/identity/v3, "Authentication and token management").
struct Keystone: SwiftLogin {
    enum Credential: Sendable {
        case password(user: String, domain: String, password: String, project: String, projectDomain: String)
        case application(id: String, secret: String)
    }
    /// Up to and with `/v3`, without `/` at its end.
    let url: String
    let credential: Credential
    let region: String?
    /// `public`, `internal` or `admin`
    let interface: String

    func session(_ connection: StoreConnection) async throws -> SwiftSession {
        let place = url + "/auth/tokens"
        let answer = try await connection.send(
            "POST", place, headers: [("Content-Type", "application/json"), ("Accept", "application/json")], body: request.canonicalBytes)
        guard answer.status == 201 else { throw refusal(answer, place) }
        guard let token = answer.header("X-Subject-Token"), let body = try? JSONValue(parsing: answer.body) else {
            throw StorageError(
                .invalid, expected: "a token of Keystone", found: "something else", at: place,
                advice: "check `authURL`: it ends with /v3")
        }
        return SwiftSession(url: try endpoint(body["token"]?["catalog"]?.arrayValue ?? [], place), token: token)
    }

    private var request: JSONValue {
        switch credential {
        case .password(let user, let domain, let password, let project, let projectDomain):
            [
                "auth": [
                    "identity": [
                        "methods": ["password"],
                        "password": [
                            "user": ["name": .string(user), "domain": ["name": .string(domain)], "password": .string(password)]
                        ],
                    ],
                    "scope": ["project": ["name": .string(project), "domain": ["name": .string(projectDomain)]]],
                ]
            ]
        case .application(let id, let secret):
            [
                "auth": [
                    "identity": [
                        "methods": ["application_credential"],
                        "application_credential": ["id": .string(id), "secret": .string(secret)],
                    ]
                ]
            ]
        }
    }

    private func refusal(_ answer: HTTPAnswer, _ place: String) -> StorageError {
        guard answer.status == 401 || answer.status == 403 else { return StorageError(answer: answer, expected: "a token", at: place) }
        let advice =
            switch credential {
            case .password: "correct `user`, `userPassword`, `project`, `userDomain` or `projectDomain`: Keystone does not say which"
            case .application: "correct `applicationCredential` and its secret; it may have been removed or have ended"
            }
        return StorageError(
            .accessDenied, expected: "credentials that Keystone knows", found: "status \(answer.status)", at: place, advice: advice)
    }

    /// The object store in the token's catalogue: a list of services with endpoints.
    private func endpoint(_ catalogue: [JSONValue], _ place: String) throws(StorageError) -> String {
        func error(_ expected: String, _ found: String, _ advice: String) -> StorageError {
            StorageError(.notFound, expected: expected, found: found, at: place, advice: advice)
        }
        let stores = catalogue.filter { $0["type"]?.stringValue == "object-store" }
        let endpoints = stores.flatMap { $0["endpoints"]?.arrayValue ?? [] }.filter { $0["interface"]?.stringValue == interface }
        guard !endpoints.isEmpty else {
            throw error(
                "a service of type object-store with a \(interface) endpoint in the catalogue",
                "services \(catalogue.compactMap { $0["type"]?.stringValue }.sorted().joined(separator: ", "))",
                "check the project's rights, `interface`, or give `storageURL`")
        }
        func name(_ endpoint: JSONValue) -> String? { endpoint["region_id"]?.stringValue ?? endpoint["region"]?.stringValue }
        let regions = Set(endpoints.compactMap(name)).sorted()
        let chosen = endpoints.filter { region == nil || name($0) == region }
        guard region != nil || regions.count < 2 else {
            throw error("`region`, because there are several", regions.joined(separator: ", "), "name one of them as `region`")
        }
        guard let url = chosen.first?["url"]?.stringValue else {
            throw error("an object store in region \(region ?? "")", regions.joined(separator: ", "), "correct `region`")
        }
        return url
    }
}

extension Keystone: SecretHolding {
    var shown: String { "login at \(url)" }
}

extension Keystone.Credential: SecretHolding {
    var shown: String { "credential" }
}

import Basics
import FlowModel
import Foundation
import StepKit
import StorageKit

/// The `rest` repository type: a server that speaks restic's REST protocol (restic doc/REST_backend.rst), versions 1 and 2.
struct RESTRepositoryType: RepositoryType {
    let name = "rest"
    let summary = "A server that speaks restic's REST protocol: snappy-flow rest-server, restic's own, rclone"
    let schema = SettingsSchema([Self.url.field, Self.user.field, Self.userPassword.field] + StoreConnection.fields)

    static let url = Setting<String>.required("url", "The repository's address, as https://host:8000/name/")
    static let user = Setting<String>("user", "The user, if the server asks for one")
    static let userPassword = Setting<SecretReference>("userPassword", "The user's password; the repository's own is `password`")

    func identity(_ settings: Settings) throws(StepError) -> String { "rest:" + (try base(settings)) }

    func open(_ settings: Settings, _ context: StoreContext) async throws -> any ObjectStore {
        var headers: [(name: String, value: String)] = []
        if let user = try settings.optional(Self.user) {
            let password = try settings.optional(Self.userPassword).map { try context.secrets.resolve($0).revealText() } ?? ""
            headers.append(("Authorization", "Basic " + Data("\(user):\(password)".utf8).base64EncodedString()))
        }
        return RESTStore(base: try base(settings), headers: headers, connection: try StoreConnection(settings, context.hosts))
    }

    /// With `/` at its end, so that one repository has one name.
    private func base(_ settings: Settings) throws(StepError) -> String {
        let text = try settings.value(Self.url)
        func refusal(_ expected: String, _ advice: String) -> StepError {
            StepError(
                .invalidSetting, expected: expected, found: "\"\(StoreConnection.withoutUser(text))\"", at: settings.origin, advice: advice)
        }
        guard let parts = URLComponents(string: text), ["http", "https"].contains(parts.scheme?.lowercased()), parts.host?.isEmpty == false
        else { throw refusal("a URL that begins with http:// or https://", "write it as https://host:8000/name/") }
        guard parts.user == nil, parts.password == nil else {
            throw StepError(
                .invalidSetting, expected: "a URL without user and password", found: "one with some", at: settings.origin,
                advice: "say `user:`, and `userPassword: {fromFile: ...}`")
        }
        guard parts.query == nil, parts.fragment == nil else { throw refusal("a URL without ? and #", "remove them") }
        return text.hasSuffix("/") ? text : text + "/"
    }
}

import Basics
import FlowModel
import Foundation
import StepKit
import StorageKit

/// The `swift` repository type: a container of a server that speaks OpenStack's object storage protocol.
struct SwiftRepositoryType: RepositoryType {
    let name = "swift"
    let summary = "A container of OpenStack Swift, or of Ceph RGW's Swift API"
    let schema = SettingsSchema(
        [
            Self.container.field, Self.prefix.field, Self.authURL.field, Self.user.field, Self.userPassword.field, Self.project.field,
            Self.userDomain.field, Self.projectDomain.field, Self.applicationCredential.field, Self.applicationSecret.field,
            Self.region.field, Self.interface.field, Self.storageURL.field, Self.storagePolicy.field, Self.segmentSize.field,
        ] + StoreConnection.fields)

    static let container = Setting<String>.required("container", "The container; the first copy creates it if it does not exist")
    static let prefix = Setting<String>("prefix", "The repository's place within the container", default: "")
    static let authURL = Setting<String>.required(
        "authURL", "Where users log in: TempAuth, as https://host/auth/v1.0, or Keystone, as https://host:5000/v3")
    static let user = Setting<String>("user", "The user: account:user for TempAuth, the user's name for Keystone")
    static let userPassword = Setting<SecretReference>("userPassword", "The user's password; the repository's own is `password`")
    static let project = Setting<String>("project", "Keystone: the project's name")
    static let userDomain = Setting<String>("userDomain", "Keystone: the domain of the user, by name", default: "Default")
    static let projectDomain = Setting<String>("projectDomain", "Keystone: the domain of the project, by name", default: "Default")
    static let applicationCredential = Setting<String>(
        "applicationCredential", "Keystone: the id of an application credential, instead of user and project")
    static let applicationSecret = Setting<SecretReference>("applicationSecret", "The application credential's secret")
    static let region = Setting<String>("region", "Keystone: the region, if the catalogue has several")
    static let interface = Setting<String>(
        "interface", "Keystone: which of the catalogue's endpoints to use", default: "public",
        type: .choice(["public", "internal", "admin"]))
    static let storageURL = Setting<String>(
        "storageURL", "The account's address, if the one that the server gives can't be reached from here")
    static let storagePolicy = Setting<String>("storagePolicy", "The storage policy for a new container")
    static let segmentSize = Setting<ByteCount>(
        "segmentSize", "Maximum size of one object: larger ones are stored in segments. The server's own limit may lower it",
        default: .gibibytes(1))

    func identity(_ settings: Settings) throws(StepError) -> String {
        _ = try needs(settings)
        return try place(settings)
    }

    private func place(_ settings: Settings) throws(StepError) -> String {
        let owners = [
            try settings.optional(Self.project), try settings.optional(Self.applicationCredential), try settings.optional(Self.user),
        ]
        let owner = owners.lazy.compactMap(\.self).first ?? ""
        return "swift:\(try url(settings, Self.authURL) ?? "") \(owner) \(try containerName(settings))/\(try prefix(settings))"
    }

    func open(_ settings: Settings, _ context: StoreContext) async throws -> any ObjectStore {
        func secret(_ reference: SecretReference?) throws -> String {
            try reference.map { try context.secrets.resolve($0).revealText() } ?? ""
        }
        let address = try url(settings, Self.authURL) ?? ""
        let login: any SwiftLogin =
            switch try needs(settings) {
            case .tempAuth(let user):
                TempAuth(url: address, user: user, key: try secret(settings.optional(Self.userPassword)))
            case .application(let id):
                try keystone(settings, address, .application(id: id, secret: try secret(settings.optional(Self.applicationSecret))))
            case .password(let user, let project):
                try keystone(
                    settings, address,
                    .password(
                        user: user, domain: try settings.value(Self.userDomain), password: try secret(settings.optional(Self.userPassword)),
                        project: project, projectDomain: try settings.value(Self.projectDomain)))
            }
        let account = SwiftAccount(
            login: login, storageURL: try url(settings, Self.storageURL), connection: try StoreConnection(settings, context.hosts))
        return SwiftStore(
            container: SwiftContainer(
                account: account, name: try containerName(settings), prefix: try prefix(settings), text: try place(settings)),
            segmentBytes: Int(try settings.value(Self.segmentSize).bytes), policy: try settings.optional(Self.storagePolicy))
    }

    private func keystone(_ settings: Settings, _ address: String, _ credential: Keystone.Credential) throws(StepError) -> Keystone {
        Keystone(
            url: address, credential: credential, region: try settings.optional(Self.region), interface: try settings.value(Self.interface))
    }

    // MARK: what was declared

    private enum Need {
        case tempAuth(user: String)
        case password(user: String, project: String)
        case application(id: String)
    }

    /// Which way to be let in, with all that it needs.
    private func needs(_ settings: Settings) throws(StepError) -> Need {
        func refusal(_ expected: String, _ found: String, _ advice: String = "") -> StepError {
            StepError(.invalidSetting, expected: expected, found: found, at: settings.origin, advice: advice)
        }
        let user = try settings.optional(Self.user)
        let hasPassword = try settings.optional(Self.userPassword) != nil
        guard try isKeystone(settings) else {
            guard let user, hasPassword else {
                throw refusal("`user` and `userPassword` for TempAuth", "not both", "for Keystone, `authURL` ends with /v3")
            }
            return .tempAuth(user: user)
        }
        if let id = try settings.optional(Self.applicationCredential) {
            guard try settings.optional(Self.applicationSecret) != nil else {
                throw refusal("`applicationSecret` beside `applicationCredential`", "none")
            }
            return .application(id: id)
        }
        guard let user, hasPassword, let project = try settings.optional(Self.project) else {
            throw refusal(
                "`user`, `userPassword` and `project`, or `applicationCredential` and `applicationSecret`, for Keystone", "not all",
                "for TempAuth, `authURL` ends with /auth/v1.0")
        }
        return .password(user: user, project: project)
    }

    private func isKeystone(_ settings: Settings) throws(StepError) -> Bool {
        try url(settings, Self.authURL)?.hasSuffix("/v3") == true
    }

    /// Without `/` at its end.
    private func url(_ settings: Settings, _ setting: Setting<String>) throws(StepError) -> String? {
        guard let text = try settings.optional(setting) else { return nil }
        guard let parts = URLComponents(string: text), ["http", "https"].contains(parts.scheme?.lowercased()), parts.host?.isEmpty == false,
            parts.user == nil, parts.query == nil, parts.fragment == nil
        else {
            throw StepError(
                .invalidSetting, expected: "\(setting.name): a URL that begins with http:// or https://, without user, ? and #",
                found: "another text", at: settings.origin, advice: "write it as https://host:5000/v3 or https://host/auth/v1.0")
        }
        return text.hasSuffix("/") ? String(text.dropLast()) : text
    }

    private func containerName(_ settings: Settings) throws(StepError) -> String {
        let name = try settings.value(Self.container)
        guard !name.isEmpty, !name.contains("/"), name.utf8.count <= 240 else {
            throw StepError(
                .invalidSetting, expected: "a container's name of 1 to 240 bytes without /", found: "\"\(name)\"", at: settings.origin,
                advice: "a place within a container is `prefix`")
        }
        return name
    }

    private func prefix(_ settings: Settings) throws(StepError) -> String {
        let text = try settings.value(Self.prefix)
        return text.split(separator: "/").joined(separator: "/")
    }
}

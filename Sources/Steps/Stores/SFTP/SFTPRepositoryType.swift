import Basics
import StepKit
import StorageKit

/// The `sftp` repository type: a folder of a server that is reached by ssh.
struct SFTPRepositoryType: RepositoryType {
    let name = "sftp"
    let summary = "A folder of a server that is reached by ssh"
    let schema = SettingsSchema([
        host.field, port.field, user.field, path.field, identityFile.field, knownHosts.field, connections.field, timeout.field,
    ])

    let needs = [MachineNeed.program("ssh", package: "openssh-client")]

    static let host = Setting<String>.required("host", "The server, or a `Host` of the worker's ssh configuration")
    static let port = Setting<Int>("port", "The port; by default, ssh's own choice", type: .integer(1...65535))
    static let user = Setting<String>("user", "The account; by default, ssh's own choice")
    static let path = Setting<String>.required("path", "The repository's folder on the server, an absolute path")
    static let identityFile = Setting<String>(
        "identityFile", "The file with the private key; by default, ssh's own choice, or its agent's", type: .path)
    static let knownHosts = Setting<String>("knownHosts", "The file with the known servers' keys; by default, ssh's own files", type: .path)
    static let connections = Setting<Int>("connections", "Maximum concurrent sessions", default: 4, type: .integer(1...16))
    static let timeout = Setting<TimeSpan>("timeout", "Timeout for a server that sends nothing", default: .seconds(60))

    func identity(_ settings: Settings) throws(StepError) -> String {
        let (host, path) = (try settings.value(Self.host), try settings.value(Self.path))
        guard !host.isEmpty, !host.hasPrefix("-"), !host.contains(where: { $0.isWhitespace || $0 == "@" || $0 == "/" }) else {
            throw StepError(
                .invalidSetting, expected: "a server's name or address", found: "\"\(host)\"", at: settings.origin,
                advice: "account and port have keys of their own: `user`, `port`")
        }
        guard path.hasPrefix("/"), path.count > 1 else {
            throw StepError(.invalidSetting, expected: "an absolute path", found: "\"\(path)\"", at: settings.origin)
        }
        let user = try settings.optional(Self.user).map { $0 + "@" } ?? ""
        let port = try settings.optional(Self.port).map { ":\($0)" } ?? ""
        return "sftp:\(user)\(host)\(port):\(folder(path))"
    }

    private func folder(_ path: String) -> String { "/" + path.split(separator: "/").joined(separator: "/") }

    func open(_ settings: Settings, _ context: StoreContext) async throws -> any ObjectStore {
        let location = try identity(settings)
        let command = SFTPCommand(
            host: try settings.value(Self.host), port: try settings.optional(Self.port), user: try settings.optional(Self.user),
            identityFile: try settings.optional(Self.identityFile), knownHosts: try settings.optional(Self.knownHosts),
            timeout: try settings.value(Self.timeout))
        return SFTPStore(
            command: command, path: folder(try settings.value(Self.path)), connections: try settings.value(Self.connections),
            location: location)
    }
}

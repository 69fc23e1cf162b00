public import StorageKit

/// An object backend plug-in: what `type:` of a repository names.
public protocol RepositoryType: Sendable {
    var name: String { get }
    var contractVersion: Int { get }
    var summary: String { get }
    /// Without the keys that every repository has (`password`, `create`).
    var schema: SettingsSchema { get }
    /// What the store is, whatever it is called (`local:/backup/vault`): pure, from settings that are not secret.
    func identity(_ settings: Settings) throws(StepError) -> String
    /// Whether reading it is as good as reading a copy on this machine.
    var isOnThisMachine: Bool { get }
    func open(_ settings: Settings, _ context: StoreContext) async throws -> any ObjectStore
}

extension RepositoryType {
    public var contractVersion: Int { 1 }
    public var isOnThisMachine: Bool { false }
}

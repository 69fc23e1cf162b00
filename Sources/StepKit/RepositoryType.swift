public import StorageKit

/// An object backend plug-in: what `type:` of a repository names.
public protocol RepositoryType: MachineUsing {
    var name: String { get }
    var contractVersion: Int { get }
    var summary: String { get }
    /// Without the keys that every repository has (`password`, `create`).
    var schema: SettingsSchema { get }
    /// What the store is, whatever it is called (`local:/backup/vault`): pure, from settings that are not secret.
    func identity(_ settings: Settings) throws(StepError) -> String
    /// Whether reading it is as good as reading a copy on this machine.
    var isOnThisMachine: Bool { get }
    /// What somebody should hear of settings that are allowed and may not be meant; nil for nothing.
    func warning(_ settings: Settings) throws(StepError) -> String?
    func open(_ settings: Settings, _ context: StoreContext) async throws -> any ObjectStore
}

extension RepositoryType {
    /// 1 until it is raised.
    public var contractVersion: Int { 1 }
    /// False unless a type says otherwise.
    public var isOnThisMachine: Bool { false }
    /// Nothing to warn of, unless a type says otherwise.
    public func warning(_ settings: Settings) throws(StepError) -> String? { nil }
}

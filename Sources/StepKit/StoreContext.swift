public import StorageKit

/// What a repository's store is opened with, beside its settings.
public struct StoreContext: Sendable {
    /// Resolves references on this machine.
    public var secrets: any SecretResolver
    /// Shared by all stores of the process.
    public var hosts: HostSlots
    /// What a store on this machine leaves to others.
    public var keptRoom: KeptRoom?

    public init(secrets: any SecretResolver, hosts: HostSlots = HostSlots(), keptRoom: KeptRoom? = nil) {
        self.secrets = secrets
        self.hosts = hosts
        self.keptRoom = keptRoom
    }
}

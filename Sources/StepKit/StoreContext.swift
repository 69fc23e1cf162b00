public import StorageKit

/// What a repository's store is opened with, beside its settings.
public struct StoreContext: Sendable {
    public var secrets: any SecretResolver
    /// Shared by all stores of the process.
    public var hosts: HostSlots

    public init(secrets: any SecretResolver, hosts: HostSlots = HostSlots()) {
        self.secrets = secrets
        self.hosts = hosts
    }
}

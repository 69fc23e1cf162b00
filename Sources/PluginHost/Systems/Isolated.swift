public import Basics
public import StepKit

extension SystemType {
    /// As it declares that it wants to live: in children of `host`, or as it is. Nil: there is no program to be started, as in a child itself.
    public func isolated(in host: HostCommand?) -> any SystemType {
        guard let host, case .child(_, let timeout) = isolation else { return self }
        return hosted(in: host, timeout: timeout)
    }

    /// The same, with instances in children of `host`, whatever it declares. `timeout`: how long they may wait for an answer by themselves.
    public func hosted(in host: HostCommand, timeout: @escaping @Sendable (Settings) throws -> TimeSpan) -> any SystemType {
        func type<Instance: PluginSystem>(_: Instance.Type) -> any SystemType {
            HostedSystemType<Self, Instance>(self, in: host, timeout: timeout)
        }
        return type(PluginKind.type(for: capabilities, inGroups: Instance.self is any GroupSnapshotting.Type))
    }
}

extension RepositoryType {
    /// As it declares that it wants to live: in children of `host`, or as it is.
    public func isolated(in host: HostCommand?) -> any RepositoryType {
        guard let host, case .child(_, let timeout) = isolation else { return self }
        return HostedRepositoryType(self, in: host, timeout: timeout)
    }
}

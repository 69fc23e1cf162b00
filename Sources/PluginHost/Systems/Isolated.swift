public import StepKit

extension SystemType {
    /// As it declares that it wants to live: in children of `host`, or as it is. Nil: there is no program to be started, as in a child itself.
    public func isolated(in host: HostCommand?) -> any SystemType {
        guard let host, case .child(_, let timeout) = isolation else { return self }
        let unserved = capabilities.subtracting(PluginManifest.capabilities)
        precondition(unserved.isEmpty && !thawCompletesCopies, "\(name) wants a child process, where nothing can be asked of \(unserved.sorted())")
        return capabilities.isDisjoint(with: [.imageSource, .imageDestination])
            ? HostedTreeType(self, in: host, timeout: timeout) : HostedImageType(self, in: host, timeout: timeout)
    }
}

extension RepositoryType {
    /// As it declares that it wants to live: in children of `host`, or as it is.
    public func isolated(in host: HostCommand?) -> any RepositoryType {
        guard let host, case .child(_, let timeout) = isolation else { return self }
        return HostedRepositoryType(self, in: host, timeout: timeout)
    }
}

/// What a type of systems or of repositories says of the machine on which its instances work.
public protocol MachineUsing: Sendable {
    /// Where its instances live. Declared here and nowhere else: who makes a catalog for a worker obeys it.
    var isolation: Isolation { get }
    /// What must be there whatever the settings say, and what most settings need.
    var needs: [MachineNeed] { get }
    /// What must be there for an instance of these settings. A pure function of settings that are not secret; of those with an expression in them nobody asks.
    func needs(with settings: Settings) throws(StepError) -> [MachineNeed]
    /// What room snapshots of the system, or objects of the repository, take on the worker's host; nil where they take none there. A pure function of settings
    /// that are not secret, but for looking where things lie.
    func roomNeed(_ settings: Settings) throws(StepError) -> RoomNeed?
}

extension MachineUsing {
    /// In the worker, unless a type says otherwise.
    public var isolation: Isolation { .worker }
    /// Nothing, unless a type says otherwise.
    public var needs: [MachineNeed] { [] }
    /// What the type needs whatever its settings.
    public func needs(with settings: Settings) throws(StepError) -> [MachineNeed] { needs }
    /// No room on this machine, unless a type says otherwise.
    public func roomNeed(_ settings: Settings) throws(StepError) -> RoomNeed? { nil }
}

public import Basics
import FlowModel
public import StepKit
public import StorageKit

/// A repository type of this binary whose stores live in a child process of it.
public struct HostedRepositoryType<Base: RepositoryType>: RepositoryType {
    private let base: Base
    private let child: HostCommand
    private let timeout: @Sendable (Settings) throws -> TimeSpan
    private let idle = IdleProcesses()

    public init(_ base: Base, in child: HostCommand, timeout: @escaping @Sendable (Settings) throws -> TimeSpan) {
        self.base = base
        self.child = child
        self.timeout = timeout
    }

    public var name: String { base.name }
    public var contractVersion: Int { base.contractVersion }
    public var summary: String { base.summary }
    public var schema: SettingsSchema { base.schema }
    public var isOnThisMachine: Bool { base.isOnThisMachine }
    public func identity(_ settings: Settings) throws(StepError) -> String { try base.identity(settings) }
    public func warning(_ settings: Settings) throws(StepError) -> String? { try base.warning(settings) }
    public var isolation: Isolation { base.isolation }
    public var needs: [MachineNeed] { base.needs }
    public func needs(with settings: Settings) throws(StepError) -> [MachineNeed] { try base.needs(with: settings) }
    public func roomNeed(_ settings: Settings) throws(StepError) -> RoomNeed? { try base.roomNeed(settings) }

    public func open(_ settings: Settings, _ context: StoreContext) async throws -> any ObjectStore {
        let properties = try await base.open(settings, context).properties
        let opening: JSONValue = [
            "repository": .string(base.name), "settings": .object(settings.values), "origin": .string(settings.origin),
        ]
        let program = child.program(base.name, try timeout(settings), callsAtOnce: properties.connections)
        return PluginStore(
            session: PluginSession(program, sharing: idle) { _ in
            } opening: {
                opening
            }, properties: properties)
    }
}

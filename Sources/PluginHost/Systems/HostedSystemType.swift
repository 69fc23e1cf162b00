public import Basics
public import FlowModel
public import StepKit
import StorageKit

/// A system type of this binary whose instances live in a child process of it: its library may hang or crash, and takes the child with it.
public struct HostedSystemType<Base: SystemType, Hosted: PluginSystem>: SystemType {
    private let base: Base
    private let child: HostCommand
    private let timeout: @Sendable (Settings) throws -> TimeSpan
    let idle = IdleProcesses()

    /// `timeout`: how long the library waits for an answer by itself; the child is given some more.
    public init(_ base: Base, in child: HostCommand, timeout: @escaping @Sendable (Settings) throws -> TimeSpan) {
        self.base = base
        self.child = child
        self.timeout = timeout
    }

    public var name: String { base.name }
    public var contractVersion: Int { base.contractVersion }
    public var summary: String { base.summary }
    public var schema: SettingsSchema { base.schema }
    public var scope: AcquisitionScope { base.scope }
    public func scope(of kind: AcquisitionKind) -> AcquisitionScope { base.scope(of: kind) }
    public var defaultMaxHold: TimeSpan { base.defaultMaxHold }
    public var capabilities: Set<Capability> { base.capabilities }
    public var views: [SystemView] { base.views }
    public var attachedViews: Set<SystemView> { base.attachedViews }
    public func identity(_ settings: Settings) throws(StepError) -> String { try base.identity(settings) }
    public func settings(neededFor capability: Capability) -> [String] { base.settings(neededFor: capability) }
    public func problems(in settings: Settings) -> [SettingProblem] { base.problems(in: settings) }
    public func snapshotCost(_ settings: Settings) throws(StepError) -> SnapshotCost { try base.snapshotCost(settings) }
    public func groupPlace(_ settings: Settings) -> String? { base.groupPlace(settings) }
    public var isolation: Isolation { base.isolation }
    public var needs: [MachineNeed] { base.needs }
    public func needs(with settings: Settings) throws(StepError) -> [MachineNeed] { try base.needs(with: settings) }
    public func roomNeed(_ settings: Settings) throws(StepError) -> RoomNeed? { try base.roomNeed(settings) }

    /// Starts the child and lets it connect.
    public func prepare(_ settings: Settings) {
        // What is wrong with settings is said where they are used.
        guard let program = try? program(settings) else { return }
        idle.prepare(program, opening(settings, context: [:]))
    }

    public func open(_ settings: Settings, _ context: SystemContext) async throws -> Hosted {
        // Cheap: it connects when it is asked something, and here nobody asks. Missing secrets are said at once.
        let instance = try await base.open(settings, context)
        let log = context.log
        let opening = opening(settings, context: ContextMessage.of(context))
        let session = PluginSession(try program(settings), sharing: idle) { line in
            log(LogLevel(rawValue: line.level) ?? .info, line.message)
        } opening: {
            opening
        }
        return Hosted(
            PluginLine(
                session: session, keepsBase: (instance as? any Snapshotting)?.keepsBase ?? false,
                retires: (instance as? any Snapshotting)?.retires ?? false,
                quiesceKind: (instance as? any Quiescing)?.quiesceKind ?? .recorded,
                groupPlace: (instance as? any GroupSnapshotting)?.groupPlace, opening: opening, isOurs: true),
            logicalPath: (instance as? any ImageSource)?.logicalPath ?? TreePath())
    }

    func program(_ settings: Settings) throws -> PluginProgram { child.program(base.name, try timeout(settings)) }

    private func opening(_ settings: Settings, context: JSONValue) -> JSONValue {
        [
            "system": .string(base.name), "settings": .object(settings.values), "origin": .string(settings.origin), "context": context,
        ]
    }
}

public typealias HostedImageType<Base: SystemType> = HostedSystemType<Base, PluginImageSystem>
public typealias HostedTreeType<Base: SystemType> = HostedSystemType<Base, PluginTreeSystem>

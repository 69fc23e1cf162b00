import Basics
import FlowModel
import StepKit
import StorageKit

/// A system type of this binary whose instances live in a child process of it: its library may hang or crash, and takes the child with it.
struct HostedSystemType<Base: SystemType, Hosted: PluginSystem>: SystemType, Hosting {
    private let base: Base
    private let child: HostCommand
    private let timeout: @Sendable (Settings) throws -> TimeSpan
    let idle = IdleProcesses()
    private let freezes = FreezeSessions()

    /// `timeout`: how long the library waits for an answer by itself; the child is given some more.
    init(_ base: Base, in child: HostCommand, timeout: @escaping @Sendable (Settings) throws -> TimeSpan) {
        self.base = base
        self.child = child
        self.timeout = timeout
    }

    var name: String { base.name }
    var contractVersion: Int { base.contractVersion }
    var summary: String { base.summary }
    var schema: SettingsSchema { base.schema }
    var scope: AcquisitionScope { base.scope }
    func scope(of kind: AcquisitionKind) -> AcquisitionScope { base.scope(of: kind) }
    var defaultMaxHold: TimeSpan { base.defaultMaxHold }
    var capabilities: Set<Capability> { base.capabilities }
    var views: [SystemView] { base.views }
    var attachedViews: Set<SystemView> { base.attachedViews }
    var checkSchema: SettingsSchema? { base.checkSchema }
    func parts(_ settings: Settings) -> [String: SystemView] { base.parts(settings) }
    func identity(_ settings: Settings) throws(StepError) -> String { try base.identity(settings) }
    func settings(neededFor capability: Capability) -> [String] { base.settings(neededFor: capability) }
    func problems(in settings: Settings) -> [SettingProblem] { base.problems(in: settings) }
    func snapshotCost(_ settings: Settings) throws(StepError) -> SnapshotCost { try base.snapshotCost(settings) }
    func groupPlace(_ settings: Settings) -> String? { base.groupPlace(settings) }
    var isolation: Isolation { base.isolation }
    var needs: [MachineNeed] { base.needs }
    func needs(with settings: Settings) throws(StepError) -> [MachineNeed] { try base.needs(with: settings) }
    func roomNeed(_ settings: Settings) throws(StepError) -> RoomNeed? { try base.roomNeed(settings) }

    /// Starts the child and lets it connect.
    func prepare(_ settings: Settings) {
        // What is wrong with settings is said where they are used.
        guard let program = try? program(settings) else { return }
        idle.prepare(program, opening(settings, context: [:]))
    }

    func open(_ settings: Settings, _ context: SystemContext) async throws -> Hosted {
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
                session: session, freezes: freezes, keepsBase: (instance as? any Snapshotting)?.keepsBase ?? false,
                retires: (instance as? any Snapshotting)?.retires ?? false,
                quiesceKind: (instance as? any Quiescing)?.quiesceKind ?? .recorded,
                groupPlace: (instance as? any GroupSnapshotting)?.groupPlace, checkValues: { $0.values },
                attachedPath: { attachment in
                    guard let image = try (instance as? any Attaching)?.attached(attachment) as? any ImageSource else { return TreePath() }
                    return image.logicalPath
                }, opening: opening, isOurs: true),
            logicalPath: (instance as? any ImageSource)?.logicalPath ?? (instance as? any PartSource)?.logicalPath ?? TreePath())
    }

    func program(_ settings: Settings) throws -> PluginProgram { child.program(base.name, try timeout(settings)) }

    private func opening(_ settings: Settings, context: JSONValue) -> JSONValue {
        [
            "system": .string(base.name), "settings": .object(settings.values), "origin": .string(settings.origin), "context": context,
        ]
    }
}

/// What tests know of a type whose instances live in child processes.
protocol Hosting: SystemType {
    var idle: IdleProcesses { get }
    func program(_ settings: Settings) throws -> PluginProgram
}

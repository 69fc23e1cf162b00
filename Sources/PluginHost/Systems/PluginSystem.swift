public import Basics
public import StepKit
public import StorageKit

/// A system in a process of its own. It has the capabilities that its type declares; the others are refused where a plan is made.
public protocol PluginSystem: GroupSnapshotting, Quiescing, Discovering, Inventorying {
    var plugin: PluginLine { get }
    /// `logicalPath`: under which an image is recorded.
    init(_ plugin: PluginLine, logicalPath: TreePath)
}

/// What a system in a process of its own is asked through, and what is known of it without asking.
public struct PluginLine: Sendable {
    let session: PluginSession
    let keepsBase: Bool
    let retires: Bool
    let quiesceKind: QuiesceKind
    /// Nil for what can't be in a group.
    let groupPlace: String?
    /// By which another process opens the same system.
    let opening: JSONValue
    /// Whether its process is one of this binary, which is told with each call for which step it is. Others may refuse an argument that they do not know.
    let isOurs: Bool
}

extension PluginSystem {
    var session: PluginSession { plugin.session }
    public var keepsBase: Bool { plugin.keepsBase }
    public var retires: Bool { plugin.retires }
    public var quiesceKind: QuiesceKind { plugin.quiesceKind }
    public var groupPlace: String? { plugin.groupPlace }

    /// The arguments of a call for a step.
    func arguments(_ own: [String: JSONValue], _ context: StepContext) -> JSONValue {
        .object(plugin.isOurs ? own.merging(["context": ContextMessage.of(context)]) { own, _ in own } : own)
    }

    // MARK: quiescing

    public func quiesce(key: String, maxHold: TimeSpan, _ context: StepContext) async throws -> [String: JSONValue] {
        let arguments = arguments(["key": .string(key), "maxHold": .int(maxHold.milliseconds)], context)
        return try await session.run(stopping: true) {
            try $0.call("quiesce", arguments).result["outputs"]?.objectValue ?? [:]
        }
    }

    public func thaw(key: String, state: [String: JSONValue], _ context: StepContext) async throws -> [String: JSONValue] {
        let arguments = arguments(["key": .string(key), "state": .object(state)], context)
        return try await session.run {
            try $0.call("thaw", arguments).result["outputs"]?.objectValue ?? [:]
        }
    }

    // MARK: snapshots

    public func snapshot(key: String, _ context: StepContext) async throws -> SystemSnapshot {
        let arguments = arguments(["key": .string(key)], context)
        return try await session.run(stopping: true) {
            SystemSnapshot(key: key, state: try $0.call("snapshot", arguments).result["state"] ?? .object([:]))
        }
    }

    public func find(key: String, _ context: StepContext) async throws -> SystemSnapshot? {
        let arguments = arguments(["key": .string(key)], context)
        return try await session.run(stopping: true) {
            let result = try $0.call("find", arguments).result
            return result.isNull ? nil : SystemSnapshot(key: key, state: result["state"] ?? .object([:]))
        }
    }

    public func release(key: String, _ context: StepContext) async throws {
        let arguments = arguments(["key": .string(key)], context)
        try await session.run { _ = try $0.call("release", arguments) }
    }

    public func retire(key: String, _ context: StepContext) async throws {
        guard retires || groupPlace != nil else { return }
        let arguments = arguments(["key": .string(key)], context)
        try await session.run { _ = try $0.call("retire", arguments) }
    }

    // MARK: groups

    public func snapshot(key: String, with others: [GroupMember], _ context: StepContext) async throws -> [SystemSnapshot] {
        let members = try others.map { member -> JSONValue in
            guard let system = member.system as? Self else {
                throw StorageError(.invalid, expected: "systems of one type", found: "several", at: session.program.name)
            }
            return ["opening": system.plugin.opening, "key": .string(member.key)]
        }
        let keys = [key] + others.map(\.key)
        let arguments = arguments(["key": .string(key), "members": .array(members)], context)
        return try await session.run(stopping: true) { process in
            let states = try process.call("snapshot.group", arguments).result["states"]?.arrayValue ?? []
            guard states.count == keys.count else { throw process.broken(keys.count.counted("snapshot"), "\(states.count)") }
            return zip(keys, states).map { SystemSnapshot(key: $0, state: $1) }
        }
    }

    /// What is the same in all of them under `group` is the instant.
    public func areOfOneInstant(_ snapshots: [SystemSnapshot]) -> Bool {
        let instants = Set(snapshots.map { $0.state["group"] ?? .null })
        return instants.count == 1 && instants != [.null]
    }

    // MARK: discovering

    public func discover(_ context: SystemContext) async throws -> [DiscoveredItem] {
        try await session.run(stopping: true) { process in
            let items = try process.call("discover").result["items"]?.arrayValue ?? []
            return items.compactMap { item in
                item["identity"]?.stringValue.map { DiscoveredItem(identity: $0, summary: item["summary"]?.stringValue ?? "") }
            }
        }
    }

    // MARK: what is lent

    /// Lends what a call has opened, and closes it whatever comes of it.
    func lend<Loan: Sendable, Result: Sendable>(
        _ open: @escaping @Sendable (PluginProcess) throws -> Loan, close: @escaping @Sendable (Loan) throws -> Void,
        _ body: @Sendable (Loan) async throws -> Result
    ) async throws -> Result {
        let loan = try await session.run(stopping: true, open)
        do {
            let result = try await body(loan)
            try await session.run { _ in try close(loan) }
            return result
        } catch {
            // What body said counts. Not stopped by a cancelled task.
            await Task { try? await session.run { _ in try close(loan) } }.value
            throw error
        }
    }
}

extension SystemSnapshot? {
    /// Null for the system as it is now.
    func message() throws -> JSONValue { try map { try JSONValue(encoding: $0) } ?? .null }
}

extension PluginProcess {
    /// An answer of the right form with something impossible in it.
    func broken(_ expected: String, _ found: String) -> StorageError {
        StorageError(
            .invalid, expected: expected, found: found, at: program.name, advice: "this is an error in the plug-in; tell its author")
    }
}

public import Basics
public import StepKit
import StorageKit

/// Freezes, snapshots, groups of them, and what there is to be protected.
extension PluginInstance {
    // MARK: freezing

    public var quiesceKind: QuiesceKind { plugin.quiesceKind }

    public func quiesce(key: String, maxHold: TimeSpan, _ context: StepContext) async throws -> [String: JSONValue] {
        let arguments = plugin.arguments(["key": .string(key), "maxHold": .int(maxHold.milliseconds)], context)
        // Before it is frozen: its thaw has to find it, whatever comes of the call.
        if quiesceKind == .session { plugin.freezes.hold(session, key: key, for: maxHold) }
        return try await session.run(stopping: true) {
            try $0.call("quiesce", arguments).result["outputs"]?.objectValue ?? [:]
        }
    }

    public func thaw(key: String, state: [String: JSONValue], _ context: StepContext) async throws -> [String: JSONValue] {
        let arguments = plugin.arguments(["key": .string(key), "state": .object(state)], context)
        let holder = plugin.freezes.session(key)
        let outputs = try await (holder ?? session).run {
            try $0.call("thaw", arguments).result["outputs"]?.objectValue ?? [:]
        }
        if let holder { plugin.freezes.end(key, holder) }
        return outputs
    }

    // MARK: snapshots

    public var keepsBase: Bool { plugin.keepsBase }
    public var retires: Bool { plugin.retires }

    public func snapshot(key: String, _ context: StepContext) async throws -> SystemSnapshot {
        let arguments = plugin.arguments(["key": .string(key)], context)
        return try await session.run(stopping: true) {
            SystemSnapshot(key: key, state: try $0.call("snapshot", arguments).result["state"] ?? .object([:]))
        }
    }

    public func find(key: String, _ context: StepContext) async throws -> SystemSnapshot? {
        let arguments = plugin.arguments(["key": .string(key)], context)
        return try await session.run(stopping: true) {
            let result = try $0.call("find", arguments).result
            return result.isNull ? nil : SystemSnapshot(key: key, state: result["state"] ?? .object([:]))
        }
    }

    public func release(key: String, _ context: StepContext) async throws {
        let arguments = plugin.arguments(["key": .string(key)], context)
        try await session.run { _ = try $0.call("release", arguments) }
    }

    public func retire(key: String, _ context: StepContext) async throws {
        guard retires || groupPlace != nil else { return }
        let arguments = plugin.arguments(["key": .string(key)], context)
        try await session.run { _ = try $0.call("retire", arguments) }
    }

    // MARK: groups

    public var groupPlace: String? { plugin.groupPlace }

    public func snapshot(key: String, with others: [GroupMember], _ context: StepContext) async throws -> [SystemSnapshot] {
        let members = try others.map { member -> JSONValue in
            let other: any System = member.system
            guard let system = other as? Self else {
                throw StorageError(.invalid, expected: "systems of one type", found: "several", at: session.program.name)
            }
            return ["opening": system.plugin.opening, "key": .string(member.key)]
        }
        let keys = [key] + others.map(\.key)
        let arguments = plugin.arguments(["key": .string(key), "members": .array(members)], context)
        return try await session.run(stopping: true) { process in
            let states = try process.call("snapshot.group", arguments).result["states"]?.arrayValue ?? []
            guard states.count == keys.count else { throw process.broken("\(keys.count) snapshots", "\(states.count)") }
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
}

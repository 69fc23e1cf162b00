public import Basics
import FlowModel
public import StepKit

/// A system whose freezes and snapshots are lines in a ledger.
public struct TestSystemType: SystemType {
    public let name = "test-system"
    public let summary = "freezes and snapshots on paper"
    static let folder = Setting<String>.required("folder", "where the ledger is", type: .path)
    static let password = Setting<SecretReference>("password", "a secret")
    public var schema: SettingsSchema { SettingsSchema([Self.folder.field, Self.password.field]) }
    public let needs: [MachineNeed]
    public init(needs: [MachineNeed] = []) { self.needs = needs }

    public func identity(_ settings: Settings) throws(StepError) -> String { "test-system:\(try settings.value(Self.folder))" }
    public func open(_ settings: Settings, _ context: SystemContext) async throws -> TestSystem {
        TestSystem(folder: try settings.value(Self.folder))
    }
}

public struct TestSystem: Quiescing, Snapshotting {
    let folder: String
    var ledger: Ledger { Ledger(folder: folder) }
    public var quiesceKind: QuiesceKind { .recorded }
    public var keepsBase: Bool { false }

    public func quiesce(key: String, maxHold: TimeSpan, _ context: StepContext) async throws -> [String: JSONValue] {
        ledger.append("freeze", step: context.step.id.rawValue, key: key)
        return ["label": .string(key)]
    }

    public func thaw(key: String, state: [String: JSONValue], _ context: StepContext) async throws -> [String: JSONValue] {
        ledger.append("thaw", step: context.step.id.rawValue, key: key)
        return [:]
    }

    public func snapshot(key: String, _ context: StepContext) async throws -> SystemSnapshot {
        ledger.append("snapshot", step: context.step.id.rawValue, key: key)
        return SystemSnapshot(key: key)
    }

    public func find(key: String, _ context: StepContext) async throws -> SystemSnapshot? {
        ledger.snapshots.contains(key) ? SystemSnapshot(key: key) : nil
    }

    public func release(key: String, _ context: StepContext) async throws {
        ledger.append("release", step: context.step.id.rawValue, key: key)
    }
}

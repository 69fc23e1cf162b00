import FlowModel
import Basics
public import StepKit

extension StepContext {
    fileprivate var control: Control { get throws { Control(folder: try folder) } }
    fileprivate var ledger: Ledger { get throws { Ledger(folder: try folder) } }

    /// Every plan of these tests declares the system `box`.
    private var folder: String {
        get throws {
            guard let folder = plan.systems["box"]?.settings["folder"]?.stringValue else {
                throw StepError(.invalidSetting, expected: "a system box with a folder", found: "none", at: "test plan")
            }
            return folder
        }
    }

    fileprivate func box() async throws -> TestSystem { try await openSystem("box", as: TestSystem.self) }
}

public struct TestQuiesce: Verb {
    public init() {}
    public var declaration: VerbDeclaration {
        VerbDeclaration(
            name: "quiesce", summary: "", subject: .none, schema: SettingsSchema([]), workClass: .window, windowRole: .opens,
            acquires: Acquisition(of: .freeze, undoVerb: "thaw", undoneWhen: .windowSealed))
    }

    public func run(_ context: StepContext) async throws -> StepResult {
        let step = context.step.id.rawValue
        try await context.control.pass(step, "before")
        try context.control.failIfTold(step)
        let outputs = try await context.box().quiesce(key: context.key, maxHold: .seconds(5), context)
        try await context.control.pass(step, "after")
        try await context.recorder.recordUndo(outputs)
        return StepResult(outputs: outputs)
    }

    public func undo(_ context: StepContext) async throws -> StepResult {
        let step = context.step.id.rawValue
        try await context.control.pass(step, "before")
        try context.control.failIfTold(step)
        let outputs = try await context.box().thaw(key: context.key, state: context.undoState, context)
        try await context.control.pass(step, "after")
        return StepResult(outputs: outputs)
    }
}

public struct TestSnapshot: Verb {
    public init() {}
    public var declaration: VerbDeclaration {
        VerbDeclaration(
            name: "snapshot", summary: "", subject: .none, schema: SettingsSchema([]), workClass: .window, windowRole: .snapshot,
            acquires: Acquisition(of: .snapshot, undoVerb: "release", undoneWhen: .usersDone))
    }

    public func run(_ context: StepContext) async throws -> StepResult {
        let step = context.step.id.rawValue
        try await context.control.pass(step, "before")
        try context.control.failIfTold(step)
        let box = try await context.box()
        let found = try await box.find(key: context.key, context)
        let snapshot = if let found { found } else { try await box.snapshot(key: context.key, context) }
        try await context.control.pass(step, "after")
        return StepResult(outputs: ["key": .string(snapshot.key)])
    }

    public func undo(_ context: StepContext) async throws -> StepResult {
        let step = context.step.id.rawValue
        try await context.control.pass(step, "before")
        try context.control.failIfTold(step)
        try await context.box().release(key: context.key, context)
        try await context.control.pass(step, "after")
        return StepResult()
    }
}

/// Reads the snapshot of step `snapshot`, with a checkpoint in the middle; fails when the snapshot is not there at the end.
public struct TestCopy: Verb {
    public init() {}
    public var declaration: VerbDeclaration {
        VerbDeclaration(name: "copy", summary: "", subject: .none, schema: SettingsSchema([]), workClass: .backup)
    }

    public func run(_ context: StepContext) async throws -> StepResult {
        let step = context.step.id.rawValue
        let ledger = try context.ledger
        if context.checkpoint == nil {
            ledger.append("begin", step: step, key: context.key)
            try await context.control.pass(step, "before")
            try await context.recorder.checkpoint(["half": true])
        } else {
            ledger.append("resume", step: step, key: context.key)
        }
        context.recorder.progress(StepProgress(bytesDone: 50, bytesTotal: 100))
        context.recorder.log(.info, "half way")
        do {
            try await context.control.pass(step, "within")
        } catch {
            ledger.append("stopped", step: step, key: context.key)
            // As a program does whose connection is closed under it.
            if let kind = context.settings.values["stumbles"]?.stringValue {
                throw StepError(
                    ErrorKind(word: kind), expected: "an answer", found: "the connection was closed", at: step, retry: .transient)
            }
            throw error
        }
        try context.control.failIfTold(step)
        if let key = context.outputs["snapshot"]?["key"]?.stringValue, !ledger.snapshots.contains(key) {
            throw StepError(.failed, expected: "the snapshot \(key)", found: "nothing", at: step)
        }
        ledger.append("end", step: step, key: context.key)
        return StepResult(outputs: ["bytes": 100, "settings": .object(context.settings.values)])
    }
}

/// Waits for an approval.
public struct TestApprove: Verb {
    public init() {}
    public var declaration: VerbDeclaration {
        VerbDeclaration(
            name: "approve", summary: "", subject: .none, schema: SettingsSchema([]), workClass: .backup, waitsFor: .approval)
    }
    public func run(_ context: StepContext) async throws -> StepResult { StepResult() }
}

public enum TestCatalog {
    public static var all: Catalog { needing([]) }

    /// Whose system needs something of the machine.
    public static func needing(_ needs: [MachineNeed]) -> Catalog {
        Catalog(
            systems: [TestSystemType(needs: needs)], repositories: [], verbs: [TestQuiesce(), TestSnapshot(), TestCopy(), TestApprove()])
    }
}

import Basics
import FlowModel
import Foundation
import PluginHost
import Rigs
import StepKit
import Steps
import StorageKit
import Synchronization

@testable import Repository

/// A plan, a folder and a recorder: what a verb needs to run for real, without the engine.
final class StepStage: Sendable {
    let folder: ScratchFolder
    let recorder = MemoryRecorder()
    let job = JobID.make(milliseconds: 1_764_000_000_000)
    private let state = Mutex(State())
    private let catalog: Catalog

    private struct State {
        var plan = Plan(pipeline: "nightly", steps: [])
        var outputs: [StepID: [String: JSONValue]] = [:]
    }

    static let password = "correct horse"

    init(extra: [any SystemType] = []) throws {
        folder = try ScratchFolder("steps")
        let standard = Catalog.hosted
        catalog = Catalog(systems: standard.systems + extra, repositories: standard.repositories, verbs: standard.verbs)
        try Self.password.write(toFile: folder.file("password"), atomically: true, encoding: .utf8)
    }

    func declare(system name: String, _ type: String, _ settings: [String: JSONValue], identity: String? = nil) throws {
        guard let plugin = catalog.system(type) else { throw StageError(text: "no system type \(type)") }
        let identity = try identity ?? plugin.identity(Settings(settings, origin: "system \(name)"))
        state.withLock {
            $0.plan.systems[name] = PlannedSystem(type: type, contractVersion: 1, settings: settings, identity: identity, host: name)
        }
    }

    func declare(repository name: String, create: Bool = true) {
        state.withLock {
            $0.plan.repositories[name] = PlannedRepository(
                type: "local", contractVersion: 1, settings: ["path": .string(folder.file(name))], identity: "local:" + folder.file(name),
                password: .file(folder.file("password")), create: create)
        }
    }

    func declare(repository name: String, _ type: String, _ settings: [String: JSONValue]) throws {
        guard let plugin = catalog.repository(type) else { throw StageError(text: "no repository type \(type)") }
        let identity = try plugin.identity(Settings(settings, origin: "repository \(name)"))
        state.withLock {
            $0.plan.repositories[name] = PlannedRepository(
                type: type, contractVersion: 1, settings: settings, identity: identity, password: .file(folder.file("password")),
                create: true)
        }
    }

    /// The plan's own steps, for verbs that look at those around them.
    func plan(steps: [PlannedStep]) { state.withLock { $0.plan.steps = steps } }

    /// What a step that ended otherwise left for later ones.
    func set(outputs: [String: JSONValue], of step: StepID) { state.withLock { $0.outputs[step] = outputs } }

    func settings(of system: String) -> [String: JSONValue] { state.withLock { $0.plan.systems[system]?.settings ?? [:] } }

    func restic(_ repository: String) throws -> ResticRig {
        try ResticRig(repository: folder.file(repository), password: Self.password, cache: folder.file("restic-cache"))
    }

    func store(_ repository: String) async throws -> Repository {
        try await Repository.open(LocalStore(path: folder.file(repository)), password: Array(Self.password.utf8))
    }

    /// Runs a step; its outputs are seen by later ones.
    @discardableResult
    func run(
        _ verb: String, id: StepID, _ subject: Subject = .none, _ settings: [String: JSONValue] = [:], snapshots: [String: StepID] = [:],
        views: [String: SystemView]? = nil, attachments: [String: StepID]? = nil, attempt: Int = 1, checkpoint: JSONValue? = nil
    ) async throws -> StepResult {
        let (body, bare) = try context(verb, id: id, subject, settings, snapshots: snapshots, attempt: attempt, checkpoint: checkpoint)
        var context = bare
        context.step.views = views
        context.step.attachments = attachments
        let ready = context
        let result = try await KeyFile.$cost.withValue(16) { try await cancellable { try await body.run(ready) } }
        state.withLock { $0.outputs[id] = result.outputs }
        return result
    }

    /// Undoes a step by what was recorded of it; with `as`, later steps see its outputs under that id.
    @discardableResult
    func undo(
        _ verb: String, id: StepID, _ subject: Subject = .none, _ settings: [String: JSONValue] = [:], as undo: StepID? = nil
    ) async throws -> StepResult {
        var (body, context) = try context(verb, id: id, subject, settings)
        context.undoState = recorder.undoState
        if let undo, let planned = context.plan.step(undo) { context.step = planned }
        let result = try await body.undo(context)
        if let undo { state.withLock { $0.outputs[undo] = result.outputs } }
        return result
    }

    /// The undo of a step of one system whose snapshot stays as the base of the next copy.
    @discardableResult
    func retire(_ verb: String, id: StepID, _ subject: Subject) async throws -> StepResult {
        var (body, context) = try context(verb, id: id, subject, [:])
        context.undoState = recorder.undoState
        context.undoState["kept"] = .array([.string(context.key)])
        return try await body.undo(context)
    }

    private func context(
        _ verb: String, id: StepID, _ subject: Subject, _ settings: [String: JSONValue], snapshots: [String: StepID] = [:],
        attempt: Int = 1,
        checkpoint: JSONValue? = nil
    ) throws -> (any Verb, StepContext) {
        guard let body = catalog.verb(verb) else { throw StageError(text: "no verb \(verb)") }
        let step = PlannedStep(id: id, verb: verb, subject: subject, settings: settings, snapshots: snapshots)
        let scratch = folder.file("scratch/\(id)")
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
        let (plan, outputs) = state.withLock { ($0.plan, $0.outputs) }
        return (
            body,
            StepContext(
                job: job, tenant: "default", plan: plan, step: step, attempt: attempt, key: "sf-\(id)",
                settings: Settings(settings, origin: "step \(id)"),
                outputs: outputs, checkpoint: checkpoint, undoState: [:], catalog: catalog, secrets: FileSecrets(), recorder: recorder,
                scratchFolder: scratch)
        )
    }

    /// Writes a file below the stage's folder, and the folders above it.
    func write(_ name: String, _ text: String) throws {
        let path = folder.file(name)
        try FileManager.default.createDirectory(
            atPath: URL(fileURLWithPath: path).deletingLastPathComponent().path, withIntermediateDirectories: true)
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }

    func read(_ name: String) throws -> String { try String(contentsOfFile: folder.file(name), encoding: .utf8) }
    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: folder.file(name)) }
}

struct StageError: Error { var text: String }

/// Secrets of a test lie in files.
struct FileSecrets: SecretResolver {
    func problem(with reference: SecretReference) -> StepError? {
        do {
            _ = try resolve(reference)
            return nil
        } catch {
            return error
        }
    }
    func resolve(_ reference: SecretReference) throws(StepError) -> Secret {
        guard case .file(let path) = reference, let data = FileManager.default.contents(atPath: path) else {
            throw StepError(.secretMissing, expected: "a file", found: "none", at: "\(reference)")
        }
        return Secret(bytes: Array(data))
    }
}

/// What a body tells the engine, kept in memory.
final class MemoryRecorder: StepRecorder {
    private struct State {
        var lines: [String] = []
        var checkpoint: JSONValue?
        var undo: [String: JSONValue] = [:]
        var proofs: [Proof]? = []
        var bases: [Base] = []
    }
    private let state = Mutex(State())

    var lines: [String] { state.withLock { $0.lines } }
    var saved: JSONValue? { state.withLock { $0.checkpoint } }
    var undoState: [String: JSONValue] { state.withLock { $0.undo } }
    var bases: [Base] { state.withLock { $0.bases } }
    func set(bases: [Base]) { state.withLock { $0.bases = bases } }
    func set(proofs: [Proof]?) { state.withLock { $0.proofs = proofs } }

    func log(_ level: LogLevel, _ message: String) { state.withLock { $0.lines.append("\(level.rawValue): \(message)") } }
    func progress(_ progress: StepProgress) {}
    func checkpoint(_ saved: JSONValue) async throws { state.withLock { $0.checkpoint = saved } }
    func recordUndo(_ recorded: [String: JSONValue]) async throws { state.withLock { $0.undo.merge(recorded) { _, new in new } } }
    func ensureHeld() throws {}
    func base(systemIdentity: String, repositoryID: String) async throws -> Base? {
        state.withLock { $0.bases.last { $0.systemIdentity == systemIdentity && $0.repositoryID == repositoryID } }
    }
    func proofs(repositoryID: String) async throws -> [Proof]? { state.withLock { $0.proofs } }
}

extension StepStage {
    /// An opened system, and a context to call it with.
    func open<Kind>(_ system: String, as kind: Kind.Type) async throws -> (Kind, StepContext) {
        let (_, context) = try context("exec", id: "open", .none, [:])
        return (try await context.openSystem(system, as: kind), context)
    }

    /// Runs a system's own check.
    func check(_ system: String) async throws -> [String: JSONValue] {
        let (_, context) = try context("exec", id: "check", .none, [:])
        return try await context.openSystem(system, as: (any Verifying).self).check(Settings([:], origin: "check"), context)
    }
}

extension Catalog {
    /// As a worker has it: native libraries in processes of their own, and the example of a plug-in outside the binary. Each is another worker's:
    /// what a plug-in remembers of its process is its own.
    static var hosted: Catalog {
        let standard = Catalog.standard(host: HostCommand([FlowRig.binary, "host-plugin"]))
        return Catalog(systems: standard.systems + examples.types, repositories: standard.repositories, verbs: standard.verbs)
    }

    private static let examples: PluginFolder.Contents = {
        let contents = PluginFolder(FlowRig.packageRoot + "/examples/plugin").read()
        precondition(contents.problems.isEmpty, "\(contents.problems)")
        return contents
    }()
}

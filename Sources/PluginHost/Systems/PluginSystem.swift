import Basics
public import StepKit
public import StorageKit

/// A system in a process of its own.
public protocol PluginSystem: System {
    var plugin: PluginLine { get }
    /// `logicalPath`: under which an image is recorded.
    init(_ plugin: PluginLine, logicalPath: TreePath)
}

/// What a system in a process of its own is asked through, and what is known of it without asking.
public struct PluginLine: Sendable {
    let session: PluginSession
    /// Where processes are kept that hold a freeze.
    let freezes: FreezeSessions
    let keepsBase: Bool
    let retires: Bool
    let quiesceKind: QuiesceKind
    /// Nil for what can't be in a group.
    let groupPlace: String?
    /// The settings of a check with their defaults, as its process is to have them.
    let checkValues: @Sendable (Settings) -> [String: JSONValue]
    /// The path under which what is attached as an image is recorded.
    let attachedPath: @Sendable (Attachment) throws -> TreePath
    /// By which another process opens the same system.
    let opening: JSONValue
    /// Whether its process is one of this binary, which is told with each call for which step it is. Others may refuse an argument that they do not know.
    let isOurs: Bool

    /// The arguments of a call for a step.
    func arguments(_ own: [String: JSONValue], _ context: StepContext) -> JSONValue {
        .object(isOurs ? own.merging(["context": ContextMessage.of(context)]) { own, _ in own } : own)
    }

    /// Lends what a call has opened, and closes it whatever comes of it. `close` is told whether `body` failed.
    func lend<Loan: Sendable, Closing: Sendable, Result: Sendable>(
        _ open: @escaping @Sendable (PluginProcess) throws -> Loan, close: @escaping @Sendable (Loan, Bool) throws -> Closing,
        _ body: @Sendable (Loan) async throws -> Result
    ) async throws -> (Result, Closing) {
        let loan = try await session.run(stopping: true, open)
        do {
            let result = try await body(loan)
            return (result, try await session.run { _ in try close(loan, false) })
        } catch {
            // What body said counts. Not stopped by a cancelled task.
            await Task { _ = try? await session.run { _ in try close(loan, true) } }.value
            throw error
        }
    }
}

extension PluginSystem {
    var session: PluginSession { plugin.session }
}

extension SystemSnapshot? {
    /// Null for the system as it is now.
    func message() throws -> JSONValue { try map { try JSONValue(encoding: $0) } ?? .null }
}

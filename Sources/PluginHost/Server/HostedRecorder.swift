import Basics
import StepKit

/// What is said in a host process goes to the step's log; the database is the worker's.
struct HostedRecorder: StepRecorder {
    let output: PluginOutput

    func log(_ level: LogLevel, _ message: String) {
        StillWorking.current?.say()
        output.log(level, message)
    }
    func progress(_ progress: StepProgress) { StillWorking.current?.say() }
    func ensureHeld() throws {}
    func checkpoint(_ state: JSONValue) async throws { throw refusal("a checkpoint") }
    func recordUndo(_ state: [String: JSONValue]) async throws { throw refusal("undo state before a call returns") }
    func base(systemIdentity: String, repositoryID: String) async throws -> Base? { throw refusal("a base") }
    func proofs(repositoryID: String) async throws -> [Proof]? { nil }

    private func refusal(_ what: String) -> StepError {
        StepError(.unsupported, expected: "a plug-in that can be hosted", found: "one that asks for \(what)", at: "the plug-in's process")
    }
}

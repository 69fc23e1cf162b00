import Basics
import StorageKit

/// Who is asked over the line: a plug-in's process by its worker, and the worker by the process while a call of its is under way.
protocol PluginPeer: Sendable {
    /// In messages.
    var name: String { get }
    /// How many calls it takes at once.
    var callsAtOnce: Int { get }
    /// Whether it is of this binary, which knows every argument. Others may refuse one that they do not know.
    var isOurs: Bool { get }

    /// Asks and waits for the answer. Blocks.
    func call(_ name: String, _ arguments: JSONValue) throws(StorageError) -> PluginCall.Answer
}

extension PluginPeer {
    /// An answer of the right form with something impossible in it.
    func broken(_ expected: String, _ found: String) -> StorageError {
        StorageError(.invalid, expected: expected, found: found, at: name, advice: "this is an error in the plug-in; tell its author")
    }

    /// The arguments that end what was opened. `failed`: what it was opened for has not come to its end.
    func closing(_ handle: JSONValue, failed: Bool) -> JSONValue {
        isOurs && failed ? ["handle": handle, "failed": true] : ["handle": handle]
    }
}

import Basics
import StorageKit
import Synchronization
import Threads

/// What a plug-in's process may ask its worker for while a call is under way: the tree that it is to complete, and nothing else.
final class LentTrees: Sendable {
    /// So many questions may wait for their answers.
    private static let waitingAtMost = 64
    private let trees = HostedTrees(openAtMost: 256, largestPart: 8 << 20)
    private let threads = BlockingPool(label: "plugin-questions", width: 4)
    private let waiting = Mutex(0)

    /// Lends it; the answer has its handle, as that of `tree.open`.
    func lend(_ tree: any TreeReader) async throws -> JSONValue {
        try await trees.openReader { body in try await body(tree) }.result
    }

    /// Takes it back.
    func takeBack(_ lent: JSONValue) async {
        let request = HostedRequest(id: 0, call: "tree.close", arguments: ["handle": lent["handle"] ?? .null], data: [], hasData: false)
        _ = try? await trees.close(request)
    }

    /// Whether somebody waits for an answer: the call within which it was asked is no silent one.
    var isAsked: Bool { waiting.withLock { $0 > 0 } }

    /// Answers on a thread of its own. False where too many questions wait.
    func answer(
        _ id: Int64, _ call: String, _ arguments: JSONValue, _ reply: @escaping @Sendable (Result<HostedAnswer, any Error>) -> Void
    ) -> Bool {
        let isTaken = waiting.withLock { waiting in
            guard waiting < Self.waitingAtMost else { return false }
            waiting += 1
            return true
        }
        guard isTaken else { return false }
        let request = HostedRequest(id: id, call: call, arguments: arguments, data: [], hasData: false)
        Task { [self] in
            try? await threads.run { [trees] in
                reply(Result {
                    guard call.hasPrefix("tree."), call != "tree.open", call != "tree.close" else { throw request.unknown }
                    return try trees.read(request)
                })
            }
            waiting.withLock { $0 -= 1 }
        }
        return true
    }
}

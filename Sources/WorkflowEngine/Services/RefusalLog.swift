import Logging
import StepKit
import Synchronization

/// Says once why this worker leaves a step to others: a job that nobody takes must not wait in silence.
final class RefusalLog: Sendable {
    private let said = Mutex<Set<StepError>>([])
    private let log: Logger
    /// Beyond it everything is forgotten, and said once more.
    private static let most = 1000

    init(_ log: Logger) { self.log = log }

    func tell(_ refusal: StepError?) {
        guard let refusal else { return }
        let isNew = said.withLock { said in
            if said.count >= Self.most { said.removeAll() }
            return said.insert(refusal).inserted
        }
        if isNew { log.warning("left to other workers", error: refusal) }
    }
}

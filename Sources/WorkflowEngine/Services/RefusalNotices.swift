import StepKit
import Synchronization

/// Says once why this worker leaves a step to others: a job that nobody takes must not wait in silence.
final class RefusalNotices: Sendable {
    private let said = Mutex<Set<StepError>>([])
    private let notice: @Sendable (String) -> Void
    /// Beyond it everything is forgotten, and said once more.
    private static let most = 1000

    init(notice: @escaping @Sendable (String) -> Void) { self.notice = notice }

    func tell(_ refusal: StepError?) {
        guard let refusal else { return }
        let isNew = said.withLock { said in
            if said.count >= Self.most { said.removeAll() }
            return said.insert(refusal).inserted
        }
        if isNew { notice("left to other workers: \(refusal)") }
    }
}

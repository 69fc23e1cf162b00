import FlowModel

/// Tells other processes that there may be work: after a transition, outside of its transaction, and at most once in a short while
/// (a NOTIFY inside of a transaction ends group commit).
struct Notifier: Sendable {
    let store: any RunStore
    let signal = WakeSignal()
    var interval = Duration.milliseconds(25)

    func raise() { signal.raise() }

    func run() async {
        while !Task.isCancelled {
            await signal.wait()
            guard !Task.isCancelled else { return }
            // A notification that fails is made good by the others' slow poll.
            try? await store.notify()
            try? await Task.sleep(for: interval)
        }
    }
}

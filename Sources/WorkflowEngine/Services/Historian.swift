import Basics
import Logging

/// Keeps the hot tables small: jobs that are over and clean move to history, old history goes.
struct Historian: Sendable {
    let store: any RunStore
    var interval = Duration.seconds(60)
    let log: Logger

    func run() async {
        while !Task.isCancelled {
            do {
                try await store.tidy()
            } catch {
                guard !Task.isCancelled else { return }
                log.warning("moving jobs to history failed, and is tried again", error: error)
            }
            try? await Task.sleep(for: interval)
        }
    }
}

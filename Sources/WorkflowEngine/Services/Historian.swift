import Basics

/// Keeps the hot tables small: jobs that are over and clean move to history, old history goes.
struct Historian: Sendable {
    let store: any RunStore
    var interval = Duration.seconds(60)
    let notice: @Sendable (String) -> Void

    func run() async {
        while !Task.isCancelled {
            do {
                try await store.tidy()
            } catch {
                guard !Task.isCancelled else { return }
                notice("moving jobs to history: \(error)")
            }
            try? await Task.sleep(for: interval)
        }
    }
}

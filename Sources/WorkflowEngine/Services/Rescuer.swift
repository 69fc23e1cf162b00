import FlowModel

/// Finds workers whose lease has passed, or whose process on this host is dead, and gives their steps back. Any number of processes may do this at once.
struct Rescuer: Sendable {
    let store: any RunStore
    let host: String
    /// Checked so often; a part of the lease.
    let interval: Duration
    let onChange: @Sendable (AppliedEvent, JobID) async -> Void
    let notice: @Sendable (String) -> Void

    func run() async {
        while !Task.isCancelled {
            await rescue()
            try? await Task.sleep(for: interval)
        }
    }

    /// One look. Leaves what fails to the next.
    func rescue() async {
        do {
            for neighbour in try await store.neighbours(host: host) where ProcessIdentity(neighbour.process)?.isDead ?? false {
                notice("worker \(neighbour.worker): its process is dead")
                try await store.retire(neighbour.worker)
            }
            for lost in try await store.lostWork(limit: 100) {
                do {
                    let applied = try await store.apply(.workerLost(lost.worker), to: lost.job)
                    guard applied.refusal == nil else { continue }
                    notice("job \(lost.job): worker \(lost.worker) is lost, its steps are taken over")
                    await onChange(applied, lost.job)
                } catch {
                    guard try await store.setAside(lost.job, because: error) else { throw error }
                    notice("job \(lost.job) is set aside: \(error)")
                }
            }
        } catch {
            guard !Task.isCancelled else { return }
            notice("looking for lost workers: \(error)")
        }
    }
}

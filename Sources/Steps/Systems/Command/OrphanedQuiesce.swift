import Basics
import Foundation
import Glibc
import HostKit
import StepKit

/// The quiesce program of a worker that was killed: it goes on and would freeze after the thaw. A thaw ends it first.
///
/// Found by what `CommandSystem.quiesce` puts into its environment. Only a main program counts, the leader of its session: what a
/// quiesce left running on purpose when it returned (a session that holds a lock, say) is the thaw program's business.
struct OrphanedQuiesce {
    let key: String

    /// Kills it with everything in its process group, and returns when it is gone.
    func end(origin: String) async throws {
        let deadline = ContinuousClock.now + .seconds(10)
        while true {
            let left = processes()
            guard let first = left.first else { return }
            guard ContinuousClock.now < deadline else {
                throw StepError(
                    .quiesceStillRunning, expected: "the quiesce program to end when killed, so that it can't freeze after the thaw",
                    found: "process \(first) goes on", at: origin,
                    advice: "look what it waits for: `cat /proc/\(first)/stack`", retry: .transient)
            }
            for leader in left { kill(-leader, SIGKILL) }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    private func processes() -> [pid_t] {
        let marks = ["SNAPPY_FLOW_KEY=\(key)", "SNAPPY_FLOW_MAX_HOLD="]
        return ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { pid_t($0) }.filter { process in
            guard getsid(process) == process, let data = KernelFile.read("/proc/\(process)/environ") else {
                return false  // ended, or somebody else's
            }
            let variables = data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            return marks.allSatisfy { mark in variables.contains { mark.hasSuffix("=") ? $0.hasPrefix(mark) : $0 == mark } }
        }
    }
}

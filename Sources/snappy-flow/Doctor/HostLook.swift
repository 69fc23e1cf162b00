import FlowModel
import Glibc
import StepKit
import Steps
import Threads
import WorkflowEngine

/// What this host itself shows of steps, whatever documents declare.
struct HostLook {
    private let host = HostHoldings(scratchFolder: Folders().scratch)

    func inventory(_ report: inout DoctorReport) async -> [FoundHolding] {
        if geteuid() != 0 {
            report.note(
                "freezes, mounts and loop devices of root's jobs are seen by root alone",
                do: "run it as root to see them")
        }
        do {
            return try await holdings().map { FoundHolding(holding: $0) }
        } catch {
            report.bad(error, about: "this host")
            return []
        }
    }

    func holdings() async throws -> [Holding] {
        let host = host
        return try await BlockingPool(label: "host", width: 1).run {
            let found = try host.inventory()
            // A freeze that has a mark has its guard with it.
            let frozen = Set(found.filter { $0.kind == .freeze }.map { Self.given($0.key) })
            let guards = FormerGuards.all().filter { Holding.isKey($0.key) && !frozen.contains($0.key) }
            return found + guards.map { Holding(kind: .freeze, key: $0.key, name: "guard of a freeze, process \($0.process)") }
        }
    }

    /// Nobody may need it; the guards of a freeze have been ended, and nobody has a window open.
    func release(_ holding: Holding) async throws {
        let host = host
        try await BlockingPool(label: "host", width: 1).run { try host.release(holding) }
    }

    /// The key that the step was given: without the place in its list of systems.
    static func given(_ key: String) -> String { key.split(separator: "-", maxSplits: 2).prefix(2).joined(separator: "-") }
}

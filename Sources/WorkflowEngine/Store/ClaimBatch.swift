import Basics
import FlowModel

/// The steps that one claim is about, from candidates to started ones. No I/O.
struct ClaimBatch: Sendable {
    struct Candidate: Sendable, Hashable {
        var job: JobID
        var step: StepID
    }
    /// As `take-holds.sql` reads it.
    struct WantedHold: Sendable, Hashable, Encodable {
        var tenant: String
        var job: JobID
        var owner: String
        var resource: String
        var mode: Hold.Mode
        var capacity: Int?
    }
    private struct Accepted: Sendable {
        var candidate: Candidate
        var claimant: Claimant
        /// Everything that must be held before it may start; the owner is the step or its window.
        var wants: [WantedHold]
    }

    var plans: [JobID: Plan] = [:]
    var trust: [JobID: JobTrust] = [:]
    private let records: [JobID: RunRecord]
    private let now: Instant
    private var accepted: [Accepted] = []
    private var decisions: [JobID: Decision] = [:]
    private(set) var claims: [Candidate] = []

    init(_ records: [RunRecord], now: Instant) {
        self.records = Dictionary(records.map { ($0.job, $0) }, uniquingKeysWith: { first, _ in first })
        self.now = now
    }

    var count: Int { accepted.count }
    var started: [Decision] { decisions.values.sorted { $0.before.job < $1.before.job } }
    func record(_ job: JobID) -> RunRecord? { records[job] }

    /// A candidate was ready when it was listed. Another claim may have started it before its job was locked: the record tells.
    func isStale(_ candidate: Candidate) -> Bool { records[candidate.job]?.run[candidate.step]?.state != .ready }

    mutating func add(_ candidate: Candidate, _ claimant: Claimant) {
        guard !isStale(candidate) else { return }
        accepted.append(Accepted(candidate: candidate, claimant: claimant, wants: []))
    }

    /// What has to be taken: a step's own wants, and for the first member of a window the systems of all its members. What a window of
    /// the same job already holds (`covered`) is not asked for again.
    mutating func wants(covered: Set<HoldRow>) -> [WantedHold] {
        var all: [WantedHold] = []
        let coveredResources = Set(covered.map { "\($0.job)/\($0.resource)" })
        for index in accepted.indices {
            let candidate = accepted[index].candidate
            guard let record = records[candidate.job], let step = record.run.planned(candidate.step), !step.isCompensation else { continue }
            let limits = plans[candidate.job]?.limits ?? [:]
            let window = record.run.definition.windows.first { $0.id == step.window && $0.members.contains(step.id) }
            var own = step.holds
            var wants: [WantedHold] = []
            func want(_ holds: [Hold], _ owner: HoldOwner) {
                for want in ClaimTerms.strongest(holds, limits: limits)
                where !coveredResources.contains("\(candidate.job)/\(want.resource)") {
                    wants.append(
                        WantedHold(
                            tenant: record.tenant, job: candidate.job, owner: owner.text, resource: want.resource, mode: want.mode,
                            capacity: want.capacity))
                }
            }
            if let window {
                let members = window.members.compactMap { record.run.planned($0) }
                want(members.flatMap(\.holds).filter { $0.resource.hasPrefix("system/") }, .window(window.id))
                own.removeAll { $0.resource.hasPrefix("system/") }
            }
            want(own, .step(step.id))
            accepted[index].wants = wants
            all += wants.filter { !all.contains($0) }
        }
        return all
    }

    /// Starts what got all that it wants. Returns the owners that took something for nothing.
    mutating func start(wants: [WantedHold], taken: Set<HoldRow>) -> [(job: JobID, owner: String)] {
        var used: Set<HoldRow> = []
        for item in accepted {
            let rows = item.wants.map { HoldRow(job: $0.job, owner: $0.owner, resource: $0.resource) }
            guard rows.allSatisfy({ taken.contains($0) }), start(item) else { continue }
            used.formUnion(rows)
            claims.append(item.candidate)
        }
        let keepers = Set(used.map { "\($0.job)/\($0.owner)" })
        var unserved: [(job: JobID, owner: String)] = []
        for row in taken
        where !keepers.contains("\(row.job)/\(row.owner)") && !unserved.contains(where: { $0.job == row.job && $0.owner == row.owner }) {
            unserved.append((row.job, row.owner))
        }
        return unserved
    }

    private mutating func start(_ item: Accepted) -> Bool {
        let event = RunEvent.start(item.candidate.step, by: item.claimant)
        guard let record = records[item.candidate.job] else { return false }
        var decision = decisions[item.candidate.job] ?? Decision(on: record, now: now)
        guard decision.add(event) == nil else { return false }
        decisions[item.candidate.job] = decision
        return true
    }

    /// Those that an earlier attempt may have left a checkpoint of.
    var repeated: [Candidate] { claims.filter { (decisions[$0.job]?.after.run[$0.step]?.attempts ?? 0) > 1 } }

    func steps(checkpoints: [Candidate: JSONValue]) -> [ClaimedStep] {
        claims.compactMap { candidate in
            guard let record = decisions[candidate.job]?.after, let plan = plans[candidate.job] else { return nil }
            return ClaimedStep(
                job: record.job, tenant: record.tenant, trust: trust[candidate.job] ?? .submitted, plan: plan,
                parameters: record.parameters, run: record.run,
                step: candidate.step, checkpoint: checkpoints[candidate])
        }
    }
}

public import Basics
import FlowModel
import WorkflowEngine

/// Everything about a job. In JSON the members of its overview stand beside these.
@dynamicMemberLookup
public struct JobDetail: Sendable, Hashable {
    public var overview: JobOverview
    /// Defaults filled in.
    public var parameters: [String: JSONValue]
    /// Who cancelled it.
    public var stoppedBy: String?
    public var deadline: Timestamp?
    /// 1, and one more for each retry of the job.
    public var round: Int
    /// In the order of the plan, undos included.
    public var steps: [StepDetail]
    public var windows: [WindowDetail]
    /// What is still owed to the outside, the newest first.
    public var held: [HeldDetail]
    /// What nobody will ever do as things are.
    public var stalled: [StalledDetail]
    /// What of its rows can't be read and is left out.
    public var unreadable: [String]
    /// False: its rows can't be read, and of all that stands here only the overview and `unreadable` are known.
    public var isComplete: Bool

    init(_ details: JobDetails, stalled: [StalledWork] = []) {
        let run = details.run
        overview = JobOverview(details.summary)
        parameters = details.parameters
        stoppedBy = run.job.stoppedBy
        deadline = run.job.deadline.map { Timestamp($0) }
        round = run.job.round
        let attempts = Dictionary(grouping: details.attempts, by: \.step)
        steps = run.steps.map { step in
            StepDetail(
                step, planned: run.planned(step.id), attempts: attempts[step.id] ?? [], progress: details.progress[step.id])
        }
        windows = run.windows.map { window in WindowDetail(window, planned: run.definition.windows.first { $0.id == window.id }) }
        held = HeldDetail.all(of: details)
        self.stalled = stalled.map { StalledDetail(step: $0.step, isUndo: $0.isUndo, reason: $0.reason) }
        unreadable = details.unreadable
        isComplete = true
        // The summary was read a moment before the run: what both say is the run's.
        overview.outcome = run.job.outcome
        overview.cleanup = run.job.cleanup
        overview.stopping = run.job.stopping
        overview.endedAt = run.job.endedAt.map { Timestamp($0) }
        let counted = steps.filter { $0.undoes == nil }
        overview.stepCounts = StepCounts(
            total: counted.count, ended: counted.count { $0.state.isTerminal }, running: steps.count { $0.state == .running },
            waiting: steps.count { $0.state == .waiting })
        overview.state = JobState(
            outcome: run.job.outcome, isSetAside: overview.setAside != nil, isStopping: run.job.stopping != nil,
            isWaiting: overview.stepCounts.waiting > 0)
    }

    /// Of a job whose rows can't be read.
    init(unreadable summary: JobSummary, because reason: String) {
        overview = JobOverview(summary)
        parameters = [:]
        round = 1
        (steps, windows, held, stalled) = ([], [], [], [])
        unreadable = [summary.setAside ?? reason]
        isComplete = false
    }

    public subscript<Value>(dynamicMember member: KeyPath<JobOverview, Value>) -> Value { overview[keyPath: member] }

    public func step(_ id: StepID) -> StepDetail? { steps.first { $0.id == id } }

    public var hasEnded: Bool { overview.endedAt != nil }

    /// True when it is over, or nothing is left but a cleanup that keeps failing.
    public var isSettled: Bool { hasEnded || (overview.outcome != nil && overview.cleanup == .failed) }
}

extension JobDetail: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case parameters, stoppedBy, deadline, round, steps, windows, held, stalled, unreadable, isComplete
    }

    public init(from decoder: any Decoder) throws {
        overview = try JobOverview(from: decoder)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        parameters = try container.decode([String: JSONValue].self, forKey: .parameters)
        stoppedBy = try container.decodeIfPresent(String.self, forKey: .stoppedBy)
        deadline = try container.decodeIfPresent(Timestamp.self, forKey: .deadline)
        round = try container.decode(Int.self, forKey: .round)
        steps = try container.decode([StepDetail].self, forKey: .steps)
        windows = try container.decode([WindowDetail].self, forKey: .windows)
        held = try container.decode([HeldDetail].self, forKey: .held)
        stalled = try container.decode([StalledDetail].self, forKey: .stalled)
        unreadable = try container.decode([String].self, forKey: .unreadable)
        isComplete = try container.decode(Bool.self, forKey: .isComplete)
    }

    public func encode(to encoder: any Encoder) throws {
        try overview.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(parameters, forKey: .parameters)
        try container.encodeIfPresent(stoppedBy, forKey: .stoppedBy)
        try container.encodeIfPresent(deadline, forKey: .deadline)
        try container.encode(round, forKey: .round)
        try container.encode(steps, forKey: .steps)
        try container.encode(windows, forKey: .windows)
        try container.encode(held, forKey: .held)
        try container.encode(stalled, forKey: .stalled)
        try container.encode(unreadable, forKey: .unreadable)
        try container.encode(isComplete, forKey: .isComplete)
    }
}

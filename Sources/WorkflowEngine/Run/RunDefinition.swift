import Basics
public import FlowModel

/// The part of a run that no event changes, but for the members that a fan-out over outputs adds: the plan's steps, fan-out over
/// parameters expanded, and its windows.
public struct RunDefinition: Sendable, Hashable, Codable {
    public internal(set) var steps: [PlannedStep]
    public internal(set) var windows: [PlannedWindow]

    public init(steps: [PlannedStep], windows: [PlannedWindow] = []) {
        self.steps = steps
        self.windows = windows
    }
}

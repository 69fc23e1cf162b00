public import Basics
public import FlowModel

/// Plans over the test system `box`.
public enum TestPlan {
    /// quiesce, snapshot, thaw, copy, release.
    public static func backup(
        folder: String, maxHold: TimeSpan = .seconds(20), attempts: Int = 3, timeout: TimeSpan? = nil, secrets: [SecretReference] = []
    ) -> Plan {
        let retry = RetryPolicy(attempts: attempts, backoff: .milliseconds(20), maxBackoff: .milliseconds(50))
        let again = RetryPolicy(attempts: 0, backoff: .milliseconds(20), maxBackoff: .milliseconds(50))
        func after(_ ids: [StepID], _ reason: Dependency.Reason) -> [Dependency] { ids.map { Dependency(step: $0, reason: reason) } }
        return Plan(
            pipeline: "test", systems: ["box": system(folder)],
            steps: [
                PlannedStep(
                    id: "quiesce", verb: "quiesce", retry: retry, workClass: .window, window: "w", undoneBy: "thaw", systems: ["box"]),
                PlannedStep(
                    id: "snapshot", verb: "snapshot", after: after(["quiesce"], .order), retry: retry, workClass: .window, window: "w",
                    undoneBy: "release", systems: ["box"]),
                PlannedStep(
                    id: "thaw", verb: "thaw", after: after(["quiesce", "snapshot"], .guarded), retry: again, workClass: .undo, window: "w",
                    undoes: "quiesce", systems: ["box"]),
                PlannedStep(
                    id: "copy", verb: "copy", after: after(["snapshot"], .output) + after(["quiesce"], .window), timeout: timeout,
                    retry: retry,
                    workClass: .backup, secrets: secrets, systems: ["box"]),
                PlannedStep(
                    id: "release", verb: "release", after: after(["snapshot", "copy"], .guarded), retry: again, workClass: .undo,
                    undoes: "snapshot", systems: ["box"]),
            ],
            windows: [PlannedWindow(id: "w", members: ["quiesce", "snapshot"], thaws: ["thaw"], maxHold: maxHold)])
    }

    /// Copies in a row, nothing acquired.
    public static func copies(_ ids: [StepID], folder: String) -> Plan {
        var steps: [PlannedStep] = []
        for id in ids {
            steps.append(
                PlannedStep(
                    id: id, verb: "copy", after: steps.last.map { [Dependency(step: $0.id, reason: .order)] } ?? [], systems: ["box"]))
        }
        return Plan(pipeline: "test", systems: ["box": system(folder)], steps: steps)
    }

    public static func system(_ folder: String) -> PlannedSystem {
        PlannedSystem(
            type: "test-system", contractVersion: 1, settings: ["folder": .string(folder)], identity: "test-system:\(folder)", host: "box")
    }
}

import FlowModel
import Basics

/// Steps that wait for an answer from outside. The first answer counts, also when it comes before the step waits.
extension Turn {
    mutating func wait(_ index: Int, until: Instant?) {
        if let stop = run.runs[index].stop, stop != .timedOut { return cancelled(index, nil) }
        closeAttempt(index, .succeeded, nil)
        run.runs[index].state = .waiting
        run.runs[index].deadline = until
        record(.stepWaiting, step: step(index).id)
        if let signal = run.runs[index].signal { answer(index, signal) }
    }

    mutating func receive(_ signal: StepSignal, for id: StepID) -> Refusal? {
        guard let index = run.position[id] else { return .unknownStep }
        let row = run.runs[index]
        guard !row.state.isTerminal, row.signal == nil, row.members == nil else { return .nothingToDo }
        let people = step(index).settings["by"]?.arrayValue?.compactMap(\.stringValue) ?? []
        guard people.isEmpty || people.contains(where: { $0 == signal.by || signal.groups?.contains($0) ?? false }) else {
            return .notAllowed
        }
        run.runs[index].signal = signal
        record(.signal, step: id, details: ["by": .string(signal.by), "good": .bool(signal.isGood)])
        if row.state == .waiting { answer(index, signal) }
        return nil
    }

    private mutating func answer(_ index: Int, _ signal: StepSignal) {
        run.runs[index].outputs = signal.outputs
        if signal.isGood {
            end(index, .succeeded)
            record(.stepSucceeded, step: step(index).id)
        } else {
            failForGood(index, .denied(step(index), by: signal.by))
        }
    }
}

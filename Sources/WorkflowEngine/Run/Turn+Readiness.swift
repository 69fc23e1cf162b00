import Basics
import FlowModel

/// When a step that is no compensation becomes ready, or is skipped because something that it needs did not happen.
extension Turn {
    private enum Need {
        case met, open
        case unmet(tolerated: Bool)
    }

    mutating func settleSteps(_ affected: StepIndices) {
        let slots = fanOutSlots()
        for index in affected.intersection(run.runs.pending.union(run.runs.ready)).subtracting(run.wiring.compensations) {
            switch run.runs[index].state {
            case .pending:
                if run.job.stopping != nil {
                    end(index, .cancelled)
                    record(.stepCancelled, step: step(index).id)
                } else {
                    promote(index, slots: slots)
                }
            case .ready: bind(index)
            case .running, .waiting, .succeeded, .failed, .skipped, .cancelled: break
            }
        }
    }

    private mutating func promote(_ index: Int, slots: FanOutSlots) {
        let window = memberWindow(index)
        if let window, [.discarding, .broken, .sealed].contains(run.windowRuns[window].phase) { return }
        if let many = run.wiring.manyBefore[index], run.windowRuns.isEmpty, !many.isDisjoint(with: run.runs.open),
            many.isDisjoint(with: run.runs.missed)
        {
            // So far all went well, and not everything has ended: without a look at each of them.
            return
        }
        var open = false
        var tolerated = false
        for (place, dependency) in run.definition.steps[index].after.enumerated() {
            switch need(dependency, at: run.wiring.after[index][place], of: index) {
            case .met: break
            case .open: open = true
            case .unmet(tolerated: false): return skipUpstream(index, tolerated: false)
            case .unmet(tolerated: true): tolerated = true
            }
        }
        if open { return }
        if tolerated { return skipUpstream(index, tolerated: true) }
        guard slots.take(for: run.wiring.parent[index]) else { return }
        run.runs[index].state = .ready
        run.runs[index].notBefore = window.flatMap { run.windowRuns[$0].retryAt }
        bind(index)
        record(.stepReady, step: step(index).id)
    }

    private func need(_ dependency: Dependency, at target: Int?, of index: Int) -> Need {
        guard let target else { return .unmet(tolerated: false) }
        let window = memberWindow(target) ?? thawedWindow(target)
        if let window, memberWindow(index) != window, [.open, .discarding].contains(run.windowRuns[window].phase),
            !run.defects.contains(.copyFromVoidWindow)
        {
            return .open
        }
        let row = run.runs[target]
        switch row.state {
        case .pending, .ready, .running, .waiting: return .open
        case .succeeded: return .met
        case .cancelled: return .unmet(tolerated: false)
        case .failed:
            guard step(target).continueOnError else { return .unmet(tolerated: false) }
            return dependency.reason == .output ? .unmet(tolerated: true) : .met
        case .skipped:
            switch row.skipped {
            case .upstream: return .unmet(tolerated: false)
            case .upstreamTolerated: return dependency.reason == .output ? .unmet(tolerated: true) : .met
            case .condition, .neverArmed, .keptAsBase, .abandoned, nil: return .met
            }
        }
    }

    mutating func skipUpstream(_ index: Int, tolerated: Bool) {
        run.runs[index].skipped = tolerated ? .upstreamTolerated : .upstream
        end(index, .skipped)
        record(.stepSkipped, step: step(index).id, details: ["why": "upstream"])
    }

    /// Members of an open window stay with its worker. What needs a host-bound resource stays on that host.
    private mutating func bind(_ index: Int) {
        let own = compensation(of: index).flatMap { run.runs[$0].armed?.host }
        bind(index, to: memberWindow(index).flatMap { run.windowRuns[$0].worker }, on: own ?? hostOfGuards(index))
    }

    /// Nothing is written where nothing changes: what is written is looked at again.
    mutating func bind(_ index: Int, to worker: WorkerID?, on host: String?) {
        if run.runs[index].boundWorker != worker { run.runs[index].boundWorker = worker }
        if run.runs[index].boundHost != host { run.runs[index].boundHost = host }
    }

    /// The host of a resource that the step uses, where it can be reached on that host only.
    private func hostOfGuards(_ index: Int) -> String? {
        for follower in run.wiring.followers[index] {
            if let host = run.runs[follower].armed?.host { return host }
        }
        return nil
    }
}

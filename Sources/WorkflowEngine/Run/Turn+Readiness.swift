import FlowModel

/// When a step that is no compensation becomes ready, or is skipped because something that it needs did not happen.
extension Turn {
    private enum Need {
        case met, open
        case unmet(tolerated: Bool)
    }

    mutating func settleSteps() {
        let slots = fanOutSlots()
        for index in run.runs.indices where !step(index).isCompensation {
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
        var open = false
        var tolerated = false
        for dependency in step(index).after {
            switch need(dependency, of: index) {
            case .met: break
            case .open: open = true
            case .unmet(tolerated: false): return skipUpstream(index, tolerated: false)
            case .unmet(tolerated: true): tolerated = true
            }
        }
        if open { return }
        if tolerated { return skipUpstream(index, tolerated: true) }
        guard slots.take(for: step(index).id) else { return }
        run.runs[index].state = .ready
        run.runs[index].notBefore = window.flatMap { run.windowRuns[$0].retryAt }
        bind(index)
        record(.stepReady, step: step(index).id)
    }

    private func need(_ dependency: Dependency, of index: Int) -> Need {
        guard let target = run.position[dependency.step] else { return .unmet(tolerated: false) }
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
        run.runs[index].boundWorker = memberWindow(index).flatMap { run.windowRuns[$0].worker }
        let own = compensation(of: index).flatMap { run.runs[$0].armed?.host }
        run.runs[index].boundHost = own ?? hostOfGuards(step(index).id)
    }

    /// The host of a resource that the step uses, where it can be reached on that host only.
    private func hostOfGuards(_ id: StepID) -> String? {
        for (index, row) in run.runs.enumerated() {
            if let host = row.armed?.host, step(index).after.contains(where: { $0.step == id }) { return host }
        }
        return nil
    }
}

import Basics
import FlowModel
import StepKit
import WorkflowEngine

/// Compares what lies outside with what the control database knows, and releases what nobody needs any more.
///
/// What may be released is of a job of this database (it has noted the key), owed by none of its undos, no base, and of a job that is over. Once that
/// is so it stays so, for each acquisition has a key of its own; it is asked once more right before.
struct Reconciliation {
    let ledger: HoldingLedger?
    let fix: Bool

    func settle(_ found: [FoundHolding], _ report: inout DoctorReport) async {
        var seen: Set<String> = []
        let found = found.filter { seen.insert("\($0.holding.kind) \($0.holding.key) \($0.holding.name)").inserted }
        guard !found.isEmpty else { return report.good("nothing of any job's") }
        guard let ledger else {
            for item in found {
                let outside = OutsideFinding(standing: .unjudged, holding: item.holding, system: item.place?.name)
                report.note("\(item.words): not judged without the control database", about: outside)
            }
            return
        }
        do {
            let records = try await ledger.store.holdingRecords(of: Set(found.map(\.holding.key)))
            for item in found { await judge(item, records[item.holding.key], ledger, &report) }
        } catch {
            report.bad(error, about: "what lies outside")
        }
    }

    private func judge(_ item: FoundHolding, _ record: HoldingRecord?, _ ledger: HoldingLedger, _ report: inout DoctorReport) async {
        var outside = OutsideFinding(standing: .known, holding: item.holding, system: item.place?.name, record: record)
        guard let record else {
            outside.standing = .foreign
            return report.note(
                "\(item.words): of another database's job, or of one that this database has forgotten; left alone",
                do: "where no other database's jobs come here, remove it by hand: docs/doctor.md", about: outside)
        }
        if let claim = record.claim {
            let isLate = claim != .base && ledger.late.contains(HoldingLedger.Undo(job: record.job, step: record.step))
            outside.standing = isLate ? .late : .known
            let words = "\(item.words): \(record.words)\(claim.words)"
            // What is late stands above, with what to do.
            return isLate ? report.note("\(words); nobody does it", about: outside) : report.good(words, about: outside)
        }
        outside.standing = .unknown
        do {
            // It may have gone between the look and the database's answer.
            guard try await isThere(item) else { return }
        } catch {
            return report.bad(error, about: item.words)
        }
        let words = "\(item.words): \(record.words), which is over, and nobody undoes it any more"
        if let host = record.host, host != Composition.host {
            return report.held(words, do: "run `snappy-flow doctor --fix` on host \(host), where it was made", about: outside)
        }
        guard fix else {
            return report.held(words, do: "`snappy-flow doctor --fix`, with the same documents, releases it", about: outside)
        }
        await release(item, words, outside, ledger, &report)
    }

    private func release(
        _ item: FoundHolding, _ words: String, _ outside: OutsideFinding, _ ledger: HoldingLedger, _ report: inout DoctorReport
    ) async {
        do {
            let again = try await ledger.store.holdingRecords(of: [item.holding.key])[item.holding.key]
            guard let record = again, record.claim == nil else {
                return report.note("\(item.words): it is claimed again, and left alone", about: outside)
            }
            guard try await undo(item, record, ledger) else {
                return report.held(
                    "\(words); not thawed while a window is open, which it could be", do: "run it again when that job is done",
                    about: outside)
            }
            guard try await !isThere(item) else {
                return report.held("\(words); it was released, and is still there", do: "look at it, and remove it by hand", about: outside)
            }
            report.good("released \(item.words): \(record.words)", about: outside, mended: true)
        } catch {
            report.held(
                "\(words); it can't be released", error: Explanation(error, at: item.words), do: Explanation(error, at: item.words).advice,
                about: outside)
        }
    }

    /// False where a window is open that a thaw could open.
    private func undo(_ item: FoundHolding, _ record: HoldingRecord, _ ledger: HoldingLedger) async throws -> Bool {
        guard let place = item.place else {
            let holding = item.holding
            guard holding.kind == .freeze else {
                try await HostLook().release(holding)
                return true
            }
            // What may take its time comes first: claims wait for the rest.
            try await FormerGuards(key: HostLook.given(holding.key)).end()
            return try await ledger.store.withoutWindows { try await HostLook().release(holding) }
        }
        try await HoldingRelease(place: place, record: record, key: item.holding.key).run()
        return true
    }

    private func isThere(_ item: FoundHolding) async throws -> Bool {
        let now =
            if let place = item.place { try await place.system.inventory(place.context) } else { try await HostLook().holdings() }
        return now.contains { $0.kind == item.holding.kind && $0.key == item.holding.key && $0.name == item.holding.name }
    }
}

extension FoundHolding {
    /// `system disk: snapshot /srv/...`
    fileprivate var words: String {
        "\(place.map { "system \($0.name)" } ?? "this host"): \(holding.kind.rawValue) \(holding.name)"
            + (holding.name.contains(holding.key) ? "" : " (\(holding.key))")
    }
}

extension HoldingRecord {
    fileprivate var words: String { "of \(acquirer) of job \(job.short) (\(pipeline)), since \(armedAt.dateAndClock)" }
}

extension HoldingRecord.Claim {
    fileprivate var words: String {
        switch self {
        case .armed: ", whose undo is owed"
        case .base: ", kept as the start of the next increment"
        case .formerBase: ", a base that was replaced, whose release is owed"
        case .jobGoesOn: ", which goes on"
        }
    }
}

import ArgumentParser
import Basics
import FlowModel
import PipelineDSL
import StepKit
import WorkflowEngine

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Says what is wrong on this machine, in the database and with what documents declare, and what is held or lies there.",
        discussion: """
            Systems and repositories of the documents are opened and asked what they hold of ours (freezes, snapshots, attachments, locks, unfinished \
            uploads); this host is asked in any case. What they show is compared with the control database: known, late (owed, and nobody undoes it), \
            unknown (of a job of this database that is over) or foreign (of another database, or forgotten).

            Changes nothing without --fix, which releases what is unknown, and removes locks that nobody holds and uploads that nobody has touched for \
            a day. What is late is left to workers, what is foreign to whoever knows.

            Exit status 4 when something is held or lies there that nobody undoes, 1 when something else is wrong, 0 otherwise, whatever is warned of.
            """)
    @Argument(help: "Documents whose systems, repositories and secrets are looked at too.") var files: [String] = []
    @Flag(help: "Release what is proved to be of this database's jobs and needed by none.") var fix = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        let plans = files.isEmpty ? [] : try PipelineOptions.compile(files).map(\.plan)
        var report = DoctorReport(output.output)
        report.title("This machine")
        checkFolders(&report)
        // No fault of the machine: who needs the type hears of it again, where his document is looked at.
        for line in Machine().missing(in: Composition.catalog) { report.note("missing: \(line)") }
        report.title("Control database")
        var isKnown = false
        do {
            try await database.withControlStore { store in
                let ledger = try await checkDatabase(store, &report)
                isKnown = true
                await lookAround(plans, ledger, &report)
            }
        } catch {
            report.bad(error)
            if !isKnown { await lookAround(plans, nil, &report) }
        }
        report.conclude()
        guard report.status == .succeeded else { throw CommandFailure(report.status) }
    }

    /// What lies outside is looked at before the database is asked about it: what is there then was armed before, and is known.
    private func lookAround(_ plans: [Plan], _ ledger: HoldingLedger?, _ report: inout DoctorReport) async {
        await checkRoom(nil, &report)
        var found: [FoundHolding] = []
        for plan in plans {
            found += await checkPlan(plan, ledger, &report)
            await checkRoom(plan, &report)
        }
        report.title("What lies outside")
        found += await HostLook().inventory(&report)
        await Reconciliation(ledger: ledger, fix: fix).settle(found, &report)
    }
}

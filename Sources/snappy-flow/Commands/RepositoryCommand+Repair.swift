import ArgumentParser
import Basics
import Repository
import StorageKit

extension RepositoryCommand {
    struct Repair: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "repair", abstract: "Makes a damaged repository usable again.",
            discussion: """
                `check --read all` says what is damaged and what to run. `repair packs` saves what is whole in damaged packs. `repair \
                index` makes the index say what is there. A new backup stores again what the source still has. `repair snapshots` gives \
                up what stays lost, and names it.
                In whatever order they run, none forgets anything whole: one that would do so says which comes first, and does nothing. \
                Make a copy of the repository first, if there is room.
                """,
            subcommands: [Index.self, Packs.self, Snapshots.self])

        struct Index: Interruptible {
            static let configuration = CommandConfiguration(
                commandName: "index", abstract: "Makes the index say what the packs hold. No pack is changed or removed.",
                discussion:
                    "If a pack's header is damaged, what the old index listed is looked for in the pack; what is whole stays listed.")
            @OptionGroup var place: RepositoryOptions
            @Flag(help: "Trust no index: read the header of every pack.") var readAllPacks = false
            @Flag(help: "Only report what would be done.") var dryRun = false

            func run() async throws {
                let (repository, _) = try await place.open()
                let meter = ProgressLine(terminal: Terminal())
                let report = try await repository.repairIndex(readingEveryPack: readAllPacks, dryRun: dryRun) { done, all in
                    meter.show("\(done) of \(all.counted("pack header"))")
                }
                meter.clear()
                for pack in report.packsDropped { StandardError.write("gone: pack \(pack), which the index listed") }
                for pack in report.packsDamaged {
                    StandardError.write(
                        "damaged: pack \(pack); what is whole in it is listed: run `repository repair packs \(pack)`, which saves it")
                }
                for problem in report.packsUnreadable { StandardError.write("unreadable: \(problem)") }
                print(
                    """
                    \(report.packs.counted("pack")), \(report.packsAdded) of them not in the index before, \(report.packsDropped.count) no longer there, \
                    \(report.indexesDamaged.counted("damaged index file")); \
                    \(!report.isNeeded ? "nothing to do" : dryRun ? "nothing was changed" : "the index was written anew")
                    """)
                guard report.packsUnreadable.isEmpty, report.packsDamaged.isEmpty else {
                    throw CommandFailure(
                        .damaged,
                        "error: \(report.packsUnreadable.count.counted("unreadable pack")), \(report.packsDamaged.count.counted("damaged pack")); what to do with each stands above"
                    )
                }
            }
        }

        struct Packs: Interruptible {
            static let configuration = CommandConfiguration(
                commandName: "packs", abstract: "Saves what is whole in damaged packs, and removes those packs.",
                discussion:
                    "`repository check --read all` names them. What is lost in them is lost for the snapshots too: see `repair snapshots`.")
            @Argument(help: "The packs' ids, 64 hex digits each.") var packs: [String]
            @OptionGroup var place: RepositoryOptions

            func run() async throws {
                let (repository, _) = try await place.open()
                let report = try await repository.repairPacks(packs)
                for blob in report.blobsLost { print("lost: blob \(blob)") }
                print(
                    "\(report.packsRemoved.counted("pack")) removed, \(report.blobsSaved.counted("blob")) saved, \(report.blobsLost.count) lost"
                )
            }
        }

        struct Snapshots: Interruptible {
            static let configuration = CommandConfiguration(
                commandName: "snapshots", abstract: "Makes a repaired snapshot of each that misses something.",
                discussion: """
                    A file that lost a part keeps what is left under the name NAME.incomplete; a folder whose list is lost is empty; \
                    both are listed. The new snapshot is tagged `repaired`. The old one stays, unless you give --forget. Run `repair \
                    index` first.
                    """)
            @Argument(help: "Ids of snapshots or their beginnings, or latest; by default, every snapshot that the options below admit.")
            var snapshots: [String] = []
            @OptionGroup var place: RepositoryOptions
            @OptionGroup var filter: SnapshotFilterOptions
            @Flag(help: "Remove the snapshots that were repaired.") var forget = false
            @Flag(help: "Only report what would be done.") var dryRun = false

            func run() async throws {
                let opened = try await place.open()
                let finder = try await SnapshotFinder(opened, filter.filter)
                let chosen = try finder.several(snapshots)
                if snapshots.isEmpty { finder.sayDamaged() }
                let reports = try await opened.repository.repairSnapshots(chosen, forget: forget, dryRun: dryRun)
                for report in reports where !report.isWhole {
                    for path in report.emptied { print("\(report.snapshot.shortID): emptied /\(path.printable)") }
                    for path in report.incomplete { print("\(report.snapshot.shortID): incomplete /\(path.printable)") }
                    if !report.namesAll { print("\(report.snapshot.shortID): and more") }
                    if let repaired = report.repaired { print("\(report.snapshot.shortID): repaired as \(repaired.shortID)") }
                }
                let broken = reports.count { !$0.isWhole }
                print("\(reports.count.counted("snapshot")), \(broken) with something missing\(dryRun ? "; nothing was changed" : "")")
            }
        }
    }
}

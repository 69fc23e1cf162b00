import ArgumentParser
import Basics
import Repository
import Steps
import StorageKit

extension RepositoryCommand {
    struct Check: Interruptible {
        static let configuration = CommandConfiguration(
            commandName: "check",
            abstract: "Checks that everything that snapshots need is there, and reads as much of it as you ask for.",
            discussion: "Exit status 7 if something is damaged. A check is not a proof in the sense of `verify`: it is not recorded.")
        @OptionGroup var place: RepositoryOptions
        @OptionGroup var filter: SnapshotFilterOptions
        @Option(help: "How much of the packs is read: metadata, a share such as 10%, or all.") var read = "metadata"
        @Option(help: "Only this snapshot: latest, or an id or its beginning.") var snapshot: String?
        @Flag(help: "Take no lock, for a repository that can only be read.") var noLock = false
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard snapshot != nil || filter.isEmpty else {
                throw ValidationError(
                    "--system, --pipeline, --host, --path, --tag and --before say what `--snapshot latest` is: give that too")
            }
        }

        func run() async throws {
            let depth = try depth()
            let opened = try await place.open()
            let repository = opened.repository
            let terminal = Terminal()
            let meter = ProgressLine(terminal: terminal)
            var options = CheckOptions(read: depth, lock: !noLock)
            if let snapshot { options.snapshot = try await SnapshotFinder(opened, filter.filter).one(snapshot) }
            options.progress = { progress in
                meter.show(
                    "\(progress.packsRead) of \(progress.packsToRead.counted("pack")), \(ByteCount(bytes: Int64(progress.bytesRead)).approximate)"
                )
            }
            let report = try await repository.check(options)
            meter.clear()
            // What to do is said once a kind of damage, below.
            for problem in report.problems {
                let error = problem.error
                StandardError.write("\(problem.severity.rawValue): \(error.location): expected \(error.expected), found \(error.found)")
            }
            for path in report.damagedPaths { StandardError.write("can't be restored: /\(path.printable)") }
            output.print(
                report.value.merging(["snapshot": options.snapshot.map { .string($0.id) } ?? .null]),
                orText: "\(report.snapshots.counted("snapshot")), \(report.packs.counted("pack")), \(report.blobs.counted("blob")); "
                    + "read \(report.packsRead.counted("pack")), \(ByteCount(bytes: Int64(report.bytesRead)).approximate)"
                    + (report.isSound ? "\nno damage found" : ""))
            guard report.isSound else {
                throw CommandFailure(
                    .damaged,
                    """
                    error: the repository is damaged; what it holds whole can be restored, and a new run stores again what is lost
                    \(report.advice.map { "  do:       \($0.printable)" }.joined(separator: "\n"))
                      docs/repository.md has the whole order
                    """)
            }
        }

        private func depth() throws -> CheckRead {
            switch read {
            case "metadata": return .metadata
            case "all": return .all
            default:
                guard let share = Percentage(read) else {
                    throw CommandFailure(.usage, "error: --read: expected metadata, a share such as 10%, or all, found \(read)")
                }
                return .sample(share)
            }
        }
    }
}

extension CheckReport {
    /// What to do, each once; of many packs the first few.
    fileprivate var advice: [String] {
        var known: Set<String> = []
        let all = problems.filter { $0.severity == .damage }.map(\.error.advice).filter { !$0.isEmpty && known.insert($0).inserted }
        return Array(all.prefix(8)) + (all.count > 8 ? ["and \(all.count - 8) more of the kind: `--output json` has all"] : [])
    }

    fileprivate var value: JSONValue {
        [
            "isSound": .bool(isSound), "snapshots": .int(Int64(snapshots)), "packs": .int(Int64(packs)), "blobs": .int(Int64(blobs)),
            "packsRead": .int(Int64(clamping: packsRead)), "bytesRead": .int(Int64(clamping: bytesRead)),
            "damagedPacks": .array(damagedPacks.sorted().map { .string($0) }),
            "damagedBlobs": .array(damagedBlobs.sorted().map { .string($0) }),
            "damagedPaths": .array(damagedPaths.map { .string("/\($0)") }),
            "problems": .array(
                problems.map { problem in
                    [
                        "severity": .string(problem.severity.rawValue), "code": .string(problem.error.code),
                        "location": .string(problem.error.location), "expected": .string(problem.error.expected),
                        "found": .string(problem.error.found), "advice": .string(problem.error.advice),
                    ]
                }),
        ]
    }
}

import ArgumentParser
import Basics
import Glibc
import Repository
import Steps
import StorageKit

extension SnapshotsCommand {
    struct Find: Interruptible {
        static let configuration = CommandConfiguration(
            commandName: "find", abstract: "Where something is, in every snapshot or in some.",
            discussion: """
                A pattern without / is about names at any depth (*.conf), one with / about whole paths. Or give what a check named: --blob, --tree.
                Exit status 1 when nothing was found.
                """)
        @Argument(help: "A name or pattern, or several; * ? and [a-z] have their meaning of the shell.") var patterns: [String] = []
        @Option(help: "Only in this snapshot: latest, or an id or its beginning; every one else. May be repeated.") var snapshot: [String] =
            []
        @Flag(help: "Upper and lower case are the same.") var ignoreCase = false
        @Option(help: "Only what was modified at this time or later (2026-11-23 or 2026-11-23T04:00:00Z).") var newerThan: String?
        @Option(help: "Only what was modified before this time.") var olderThan: String?
        @Option(help: "Files that hold this blob: its id or the beginning. May be repeated.") var blob: [String] = []
        @Option(help: "Folders that are this tree: its id or the beginning. May be repeated.") var tree: [String] = []
        @OptionGroup var place: RepositoryOptions
        @OptionGroup var filter: SnapshotFilterOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard !patterns.isEmpty || !blob.isEmpty || !tree.isEmpty else { throw ValidationError("give a pattern, --blob or --tree") }
        }

        func run() async throws {
            let opened = try await place.open()
            let from = try newerThan.map { try SnapshotTime.parse($0, at: "--newer-than") }
            let until = try olderThan.map { try SnapshotTime.parse($0, at: "--older-than") }
            let finder = try await SnapshotFinder(opened, filter.filter)
            let chosen = try finder.several(snapshot)
            // What is looked for may be in one of these.
            if snapshot.isEmpty { finder.sayDamaged() }
            let browser = try await opened.repository.browser()
            var listing = StreamedListing(output.output)
            var found = 0
            for snapshot in chosen {
                try await browser.walk(snapshot) { entry in
                    guard matches(entry), isInTime(entry, from, until) else { return }
                    found += 1
                    listing.add(entry.row.merging(["snapshot": .string(snapshot.id)]), orLine: "\(snapshot.shortID) \(entry.line)")
                }
            }
            listing.end()
            if found == 0 {
                throw CommandFailure(.failed, "error: expected something of that kind in one of \(chosen.count) snapshots, found nothing")
            }
        }

        private func matches(_ entry: SnapshotEntry) -> Bool {
            if blob.contains(where: { text in entry.blobs.contains { $0.hasPrefix(text.lowercased()) } }) { return true }
            if tree.contains(where: { entry.subtree?.hasPrefix($0.lowercased()) ?? false }) { return true }
            // Bytes, as the shell matches them: a name need not be text.
            let name = (entry.path.parts.last?.bytes ?? []).asCString
            let path = ([UInt8(ascii: "/")] + entry.path.bytes).asCString
            return patterns.contains { pattern in
                let isPath = pattern.contains("/")
                let flags = (ignoreCase ? 1 << 4 : 0) | (isPath ? FNM_PATHNAME : 0)  // FNM_CASEFOLD is shown to GNU sources only
                return fnmatch(pattern, isPath ? path : name, flags) == 0
            }
        }

        private func isInTime(_ entry: SnapshotEntry, _ from: Instant?, _ until: Instant?) -> Bool {
            guard let time = entry.metadata.map({ Instant($0.modified) }) else { return from == nil && until == nil }
            return (from.map { time >= $0 } ?? true) && (until.map { time < $0 } ?? true)
        }
    }
}

extension [UInt8] {
    fileprivate var asCString: [CChar] { map { CChar(bitPattern: $0) } + [0] }
}

import ArgumentParser
import Basics
import Repository
import Steps

struct SnapshotsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshots", abstract: "Lists, shows and reads repository snapshots. Needs no database.",
        subcommands: [List.self, Show.self, Ls.self, Diff.self, Find.self, Dump.self, Tag.self],
        defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Lists all or some snapshots of a repository, the oldest first.")
        @OptionGroup var place: RepositoryOptions
        @OptionGroup var filter: SnapshotFilterOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let finder = try await SnapshotFinder(try await place.open(), filter.filter)
            let snapshots = try finder.several([])
            var listing = Listing(columns: ["snapshot", "time", "host", "paths", "files", "size", "tags"])
            for snapshot in snapshots {
                let isOfTheFuture = finder.isOfTheFuture(snapshot)
                let shown = snapshot.tags.filter { !$0.hasPrefix("job:") && !$0.hasPrefix("step:") }
                listing.add(
                    [
                        snapshot.shortID, snapshot.time.dateAndClock + (isOfTheFuture ? " (future)" : ""), snapshot.hostname.printable,
                        snapshot.paths.joined(separator: " ").printable,
                        snapshot.summary.map { "\($0.filesProcessed)" } ?? "",
                        snapshot.summary.map { ByteCount(bytes: Int64($0.bytesProcessed)).approximate } ?? "",
                        shown.joined(separator: " ").printable,
                    ], snapshot.value(isOfTheFuture))
            }
            print(listing.text(output.output))
            let future = snapshots.count(where: finder.isOfTheFuture)
            if future > 0 {
                StandardError.write(
                    "warning: \(future.counted("snapshot")) dated in the future: never `latest`, and nothing to a `prune` step; look whose clock was wrong"
                )
            }
            if !finder.sayDamaged() { throw CommandFailure(.damaged) }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "show", abstract: "Shows everything that a snapshot says of itself.")
        @Argument(help: "latest, or a snapshot's id or its beginning.") var snapshot: String
        @OptionGroup var place: RepositoryOptions
        @OptionGroup var filter: SnapshotFilterOptions
        @Option(help: "json or yaml.") var output: OutputFormat = .yaml

        func run() async throws {
            let finder = try await SnapshotFinder(try await place.open(), filter.filter)
            let found = try finder.one(snapshot)
            let value = found.value(finder.isOfTheFuture(found))
            print(output == .json ? value.prettyText : value.yamlText)
        }
    }
}

extension Snapshot {
    fileprivate func value(_ isOfTheFuture: Bool) -> JSONValue {
        var value: [String: JSONValue] = [
            "id": .string(id), "time": .string(time.rfc3339), "tree": .string(tree), "paths": .array(paths.map { .string($0) }),
            "hostname": .string(hostname), "tags": .array(tags.map { .string($0) }), "parent": parent.map { .string($0) } ?? .null,
            "system": SnapshotTag.system(of: self).map { .string($0) } ?? .null,
            "pipeline": SnapshotTag.pipeline(of: self).map { .string($0) } ?? .null, "whole": .bool(SnapshotTag.isWhole(self)),
            "future": .bool(isOfTheFuture),
        ]
        if let summary {
            value["summary"] = [
                "filesNew": .int(Int64(summary.filesNew)), "filesChanged": .int(Int64(summary.filesChanged)),
                "filesUnmodified": .int(Int64(summary.filesUnmodified)), "filesProcessed": .int(Int64(summary.filesProcessed)),
                "bytesProcessed": .int(Int64(summary.bytesProcessed)), "dataAdded": .int(Int64(summary.dataAdded)),
            ]
        }
        return .object(value)
    }
}

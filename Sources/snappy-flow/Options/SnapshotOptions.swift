import ArgumentParser
import Basics
import Foundation
import Steps

/// Which snapshots of a repository count: of every command that takes some. Host, paths and tags mean what they mean to restic.
struct SnapshotOptions: ParsableArguments {
    @Option(help: "Only snapshots of this system, by its name in the document that copied it.") var system: String?
    @Option(help: "Only snapshots made by the pipeline with this name, from any document.") var pipeline: String?
    @Option(help: "Only snapshots of this host, including other programs'. May be repeated: any match counts.") var host: [String] = []
    @Option(
        help: "Only snapshots with this tag, or with all of a,b; '' for those without tags. May be repeated: any match counts.")
    var tag: [String] = []
    @Option(help: "Only snapshots before this time (2026-11-23 or 2026-11-23T04:00:00Z).") var before: String?

    var isEmpty: Bool { system == nil && pipeline == nil && before == nil && host.isEmpty && tag.isEmpty }

    var filter: SnapshotFilter {
        get throws {
            var filter = SnapshotFilter()
            (filter.system, filter.pipeline, filter.hosts) = (system, pipeline, host)
            filter.tags = tag.map(SnapshotFilter.tagList)
            filter.before = try before.map { try SnapshotTime.parse($0, at: "--before") }
            return filter
        }
    }
}

/// The same, and by what they are of.
struct SnapshotFilterOptions: ParsableArguments {
    @OptionGroup var options: SnapshotOptions
    @Option(help: "Only snapshots of this path, as it was given to the backup. May be repeated: all must match.") var path: [String] = []

    var isEmpty: Bool { options.isEmpty && path.isEmpty }

    var filter: SnapshotFilter {
        get throws {
            var filter = try options.filter
            filter.paths = path.map(Self.absolute)
            return filter
        }
    }

    /// As restic makes it absolute: from the working folder, without `.`, `..` and a slash at its end.
    private static func absolute(_ path: String) -> String {
        let whole = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        var parts: [Substring] = []
        for part in whole.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }
}

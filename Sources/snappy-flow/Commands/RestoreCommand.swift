import ArgumentParser
import Basics
import Foundation
import Repository
import StepKit
import Steps
import StorageKit

struct RestoreCommand: Interruptible {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Restores a repository snapshot into a folder. Needs no database.",
        discussion: """
            A tree lands under the target plus its own path, as restic does it: /srv/home under --target /tmp/back is \
            /tmp/back/srv/home. latest is the newest whole snapshot of the document's system; if it has several, say which with \
            --system. Every byte is verified while it is restored. Exit status 3 if something could not be restored, 1 if nothing could; \
            it is listed.
            """)
    @OptionGroup var place: RepositoryOptions
    @Option(help: "latest, or a snapshot's id or its beginning.") var snapshot = "latest"
    @Option(help: "The folder to restore into; created if it does not exist.") var target: String
    @OptionGroup var filter: SnapshotOptions
    @Option(
        help:
            "Only this path of the snapshot and what is below it; latest is then the newest that holds it, if one does. May be repeated.")
    var path: [String] = []
    @Flag(help: "Replace existing files; without this flag one that differs is refused, and one that is the same counts as restored.")
    var overwrite = false
    @Flag(help: "Take no lock, for a repository that can only be read.") var noLock = false

    func run() async throws {
        let opened = try await place.open()
        let repository = opened.repository
        let paths = path.map { TreePath($0) }
        var filter = try filter.filter
        filter.holding = paths
        let picked = try await SnapshotFinder(opened, filter).pick(snapshot)
        let snapshot = picked.snapshot
        let terminal = Terminal()
        terminal.write(picked.words(time: snapshot.time.dateAndClock) + "\n")
        let meter = ProgressLine(terminal: terminal)
        let takesLock = !noLock
        let absolute = URL(fileURLWithPath: target).path
        let report = try await FolderTarget.withWriter(path: absolute, overwrite: overwrite) { writer in
            try await repository.restore(
                snapshot, to: writer,
                RestoreOptions(
                    paths: paths, lock: takesLock,
                    progress: { progress in
                        meter.show(
                            "\(progress.files.counted("file"))  \(ByteCount(bytes: Int64(progress.bytes)).approximate)  \(progress.currentPath.printable)"
                        )
                    }))
        }
        meter.clear()
        for warning in report.warnings { StandardError.write("warning: \(warning)") }
        print("restored \(report.files.counted("file")), \(ByteCount(bytes: Int64(report.bytes)).approximate), into \(absolute)")
        guard report.failures.isEmpty else {
            for failure in report.failures { StandardError.write("not restored: \(failure.path.printable): \(failure.error)") }
            let nothing = report.files == 0
            throw CommandFailure(nothing ? .failed : .partial, nothing ? "nothing was restored" : "\(report.failureCount) not restored")
        }
    }
}

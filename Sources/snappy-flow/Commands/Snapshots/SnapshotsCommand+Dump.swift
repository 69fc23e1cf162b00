import ArgumentParser
import Basics
import Foundation
import Glibc
import Repository
import StorageKit

extension SnapshotsCommand {
    struct Dump: Interruptible {
        static let configuration = CommandConfiguration(
            commandName: "dump", abstract: "Writes a file from a snapshot to standard output, or a folder as a tar archive.",
            discussion: "Every byte is verified. If it ends with an error, what was written is not the whole file.")
        @Argument(help: "latest, or a snapshot's id or its beginning.") var snapshot: String
        @Argument(help: "The file's or folder's path in the snapshot.") var path: String
        @OptionGroup var place: RepositoryOptions
        @OptionGroup var filter: SnapshotFilterOptions
        @Option(name: .customLong("to"), help: "A file to write to instead, which must not exist yet.") var target: String?

        func run() async throws {
            let opened = try await place.open()
            let snapshot = try await SnapshotFinder(opened, filter.filter).one(snapshot)
            let browser = try await opened.repository.browser()
            let wanted = TreePath(path)
            let entry = try await browser.entry(wanted, of: snapshot)
            guard entry == nil || entry?.type == "dir" || entry?.type == "file" else {
                throw CommandFailure(.usage, "error: /\(wanted): expected a file or a folder, found \(entry?.type ?? "nothing")")
            }
            let sink = try ByteSink(target)
            if let entry, entry.type == "file" {
                try await browser.content(of: entry) { bytes in try bytes.withUnsafeBytes { try sink.write($0) } }
            } else {
                guard !sink.isTerminal else {
                    throw CommandFailure(.usage, "error: expected a file or pipe for a tar archive, found a terminal; say `--to FILE`")
                }
                var archive = PaxArchive { try sink.write($0) }
                try await archive.add(wanted, of: snapshot, from: browser)
                try archive.finish()
            }
            try sink.finish()
        }
    }
}

/// Where a dump goes. A file that is not whole at the end is removed.
private final class ByteSink {
    private let descriptor: Int32
    private let path: String?
    private var isWhole = false

    init(_ path: String?) throws {
        self.path = path
        guard let path else {
            descriptor = STDOUT_FILENO
            return
        }
        let made = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard made >= 0 else {
            // Before all is set: else this object's end would remove what is there, and is somebody else's.
            throw CommandFailure(
                .failed, "error: \(path): expected a new file that can be made, found: \(String(cString: strerror(errno)))")
        }
        descriptor = made
    }

    deinit {
        if let path {
            if !isWhole { unlink(path) }
            close(descriptor)
        }
    }

    var isTerminal: Bool { isatty(descriptor) == 1 }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw CommandFailure(
                    .failed, "error: \(path ?? "standard output"): expected room, found: \(String(cString: strerror(errno)))")
            }
            done += count
        }
    }

    func finish() throws {
        guard path == nil || fsync(descriptor) == 0 else {
            throw CommandFailure(.failed, "error: \(path ?? ""): expected it on disk, found: \(String(cString: strerror(errno)))")
        }
        isWhole = true
    }
}

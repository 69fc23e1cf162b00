import Basics
import Glibc
import StepKit
import StorageKit
import Synchronization

/// Takes in restored files for programs that read them from their standard input. A restore writes ranges in any order and a program
/// reads bytes in one, so a file is put together in the scratch folder first; a program gets it only when every byte of all was verified.
final class InputSpool: TreeWriter {
    private let folder: String
    private let origin: String
    private let streams: Set<String>?
    private let files = Mutex<[TreePath: SpoolFile]>([:])

    /// `streams` are the names that are taken; nil for one file of any name.
    init(folder: String, streams: Set<String>?, origin: String) {
        self.folder = folder
        self.streams = streams
        self.origin = origin
    }

    func makeDirectory(_ path: TreePath) throws {}

    func createFile(_ path: TreePath, size: Int64) throws -> any FileWriter {
        let stream = path.description
        if let streams, !streams.containsExactly(stream) {
            throw StorageError(
                .unsupported, expected: "files that programs are declared for: \(streams.sorted().joined(separator: ", "))",
                found: stream, at: origin, advice: "declare its program under `destination:`, or choose files with `paths`")
        }
        let file = try files.withLock { files in
            if streams == nil, let other = files.keys.first, other != path { throw oneFileOnly(found: stream) }
            let file = try files[path] ?? SpoolFile(stream: stream, folder: folder, number: files.count)
            files[path] = file
            return file
        }
        try file.start(size: size)
        return file
    }

    func createSpecial(_ path: TreePath, _ metadata: FileMetadata) throws -> [StorageError] {
        throw oneFileOnly(found: "a \(metadata.kind.rawValue)")
    }
    func link(_ path: TreePath, to existing: TreePath) throws { throw oneFileOnly(found: "a hard link") }
    func setMetadata(_ path: TreePath, _ metadata: FileMetadata) throws -> [StorageError] { [] }

    /// The files by their names. Throws when one was not restored whole, or there is none.
    func wholeFiles() throws -> [SpoolFile] {
        let files = files.withLock { $0.values.sorted { $0.stream < $1.stream } }
        guard !files.isEmpty, files.allSatisfy(\.isWhole) else {
            throw StepError(
                .failed, expected: "whole files for the programs' input", found: files.first { !$0.isWhole }?.stream ?? "none", at: origin)
        }
        return files
    }

    private func oneFileOnly(found: String) -> StorageError {
        StorageError(
            .unsupported, expected: "a repository snapshot of \(streams == nil ? "one file" : "plain files")", found: found, at: origin,
            advice: "choose the one file with `paths`, declare a program for each stream, or restore to a system that takes folders")
    }
}

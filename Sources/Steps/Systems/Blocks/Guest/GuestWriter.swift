import Basics
import Foundation
import StorageKit
import Synchronization

/// Takes a guest's parts where they belong: each image to its disk, each file of the definition to its own place.
struct GuestWriter: TreeWriter {
    private let disks: [String: GuestDisk]
    private let definition: [String: String]
    private let overwrite: Bool
    /// By the folders in which files of the definition lie.
    private let folders: [String: any TreeWriter]

    static func withWriter<Result: Sendable>(
        disks: [GuestDisk], definition: [String: String], overwrite: Bool, _ body: @Sendable (any TreeWriter) async throws -> Result
    ) async throws -> Result {
        let folders = Set(definition.values.map { ($0 as NSString).deletingLastPathComponent }).sorted()
        return try await withFolders(folders[...], overwrite: overwrite, [:]) { writers in
            try await body(
                GuestWriter(
                    disks: Dictionary(uniqueKeysWithValues: disks.map { ($0.name, $0) }), definition: definition, overwrite: overwrite,
                    folders: writers))
        }
    }

    private static func withFolders<Result: Sendable>(
        _ folders: ArraySlice<String>, overwrite: Bool, _ open: [String: any TreeWriter],
        _ body: @Sendable ([String: any TreeWriter]) async throws -> Result
    ) async throws -> Result {
        guard let first = folders.first else { return try await body(open) }
        return try await FolderTarget.withWriter(path: first, overwrite: overwrite) { writer in
            try await withFolders(folders.dropFirst(), overwrite: overwrite, open.merging([first: writer]) { $1 }, body)
        }
    }

    /// Where a file of the definition belongs; nil for what is none that is declared.
    private func place(_ path: TreePath) -> (writer: any TreeWriter, path: TreePath)? {
        guard path.parts.count == 2, path.parts[0] == FileName(GuestType.definitionName),
            let declared = definition[path.parts[1].description],
            let writer = folders[(declared as NSString).deletingLastPathComponent]
        else { return nil }
        return (writer, TreePath([path.parts[1]]))
    }

    private func unknown(_ path: TreePath) -> StorageError {
        let known = disks.keys.sorted() + definition.keys.sorted().map { "definition/\($0)" }
        return StorageError(
            .invalid, expected: "parts that the guest has: " + known.joined(separator: ", "), found: path.printable, at: "/\(path.printable)",
            advice: "declare it in `disks` or `definition`, choose one with `part`, or restore into a directory")
    }

    /// The folder of the definition is where its files lie.
    func makeDirectory(_ path: TreePath) throws {
        guard path.parts.isEmpty || path.parts == [FileName(GuestType.definitionName)] else { throw unknown(path) }
    }

    func createFile(_ path: TreePath, size: Int64) throws -> any FileWriter {
        if let (writer, place) = place(path) { return try writer.createFile(place, size: size) }
        guard path.parts.count == 1, let disk = disks[path.parts[0].description] else { throw unknown(path) }
        return DiskFile(try ImageTarget(path: disk.path, size: size, overwrite: overwrite), size: size)
    }

    func createSpecial(_ path: TreePath, _ metadata: FileMetadata) throws -> [StorageError] {
        guard let (writer, place) = place(path) else { throw unknown(path) }
        return try writer.createSpecial(place, metadata)
    }

    func link(_ path: TreePath, to existing: TreePath) throws { throw unknown(path) }

    /// A disk keeps the owner and the rights of the one that it replaces, as with `blockdevice`.
    func setMetadata(_ path: TreePath, _ metadata: FileMetadata) throws -> [StorageError] {
        guard let (writer, place) = place(path) else { return [] }
        return try writer.setMetadata(place, metadata)
    }

    func existing(_ path: TreePath) throws -> (any FileReader)? {
        guard let (writer, place) = place(path) else { return nil }
        return try writer.existing(place)
    }

    func finish() throws { for folder in folders.keys.sorted() { try folders[folder]?.finish() } }
}

/// A disk that is restored as a file of a tree is: what is not written is to read as zeros, on a device too.
private final class DiskFile: FileWriter {
    private let target: ImageTarget
    private let size: Int64
    /// Ascending, not overlapping, joined where they touch.
    private let written = Mutex<[Range<Int64>]>([])

    init(_ target: ImageTarget, size: Int64) { (self.target, self.size) = (target, size) }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        try target.write(bytes, at: offset)
        let range = offset..<offset + Int64(bytes.count)
        written.withLock { written in
            let first = written.firstIndex { $0.upperBound >= range.lowerBound } ?? written.endIndex
            var (joined, end) = (range, first)
            while end < written.endIndex, written[end].lowerBound <= range.upperBound {
                joined = min(joined.lowerBound, written[end].lowerBound)..<max(joined.upperBound, written[end].upperBound)
                end += 1
            }
            written.replaceSubrange(first..<end, with: [joined])
        }
    }

    func finish() throws {
        var offset: Int64 = 0
        for range in written.withLock({ $0 }) {
            try target.zero(offset..<range.lowerBound)
            offset = range.upperBound
        }
        try target.zero(offset..<max(size, offset))
        try target.finish()
    }

    func abandon() { target.abandon() }
}

import Basics
public import StorageKit
import Tar

/// A tar archive in POSIX's pax format of a snapshot's folder, written as it is read.
public struct PaxArchive {
    private let write: (UnsafeRawBufferPointer) throws -> Void
    private var links: [HardLinkKey: TreePath] = [:]
    /// A tree may say any number of them: the later ones are archived as files of their own.
    private var known = NamedPaths(atMost: 1 << 18)

    /// `write` takes the archive's bytes in order.
    public init(_ write: @escaping (UnsafeRawBufferPointer) throws -> Void) { self.write = write }

    /// Adds every entry below `path`, named from there on.
    public mutating func add(_ path: TreePath, of snapshot: Snapshot, from browser: Browser) async throws {
        try await browser.walk(snapshot, below: path) { entry in
            let depth = entry.path.parts.count > path.parts.count ? path.parts.count : max(path.parts.count - 1, 0)
            try await add(entry, as: TreePath(Array(entry.path.parts.dropFirst(depth))), browser)
        }
    }

    /// Ends the archive.
    public func finish() throws { try put(TarHeader.end) }

    private mutating func add(_ entry: SnapshotEntry, as name: TreePath, _ browser: Browser) async throws {
        guard let metadata = entry.metadata else { return }
        var header = TarHeader(name, metadata)
        if let key = HardLinkKey(entry.node) {
            if let first = links[key] {
                header.hardLink = first
            } else if known.admit(name) {
                links[key] = name
            }
        }
        try put(header.encoded)
        guard header.contentBytes > 0 else { return }
        var written: Int64 = 0
        try await browser.content(of: entry) { bytes in
            written += Int64(bytes.count)
            try bytes.withUnsafeBytes { try write($0) }
        }
        guard written == header.contentBytes else {
            throw RepositoryError.damaged(
                "/\(entry.path)", expected: "\(header.contentBytes.counted("byte")) of content", found: "\(written)")
        }
        try put(TarHeader.padding(after: written))
    }

    private func put(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }
}

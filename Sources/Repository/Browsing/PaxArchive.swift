public import StorageKit

/// A tar archive in POSIX's pax format (IEEE Std 1003.1, pax, "pax Interchange Format") of a snapshot's folder, written as it is read.
///
/// What the old header can't say (long names, large sizes, fractions of seconds, attributes) stands in extended headers. Names are bytes.
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

    /// Two blocks of zeros (the standard's end), filled up to a record of 10 KiB by nobody: readers don't need it.
    public func finish() throws { try put([UInt8](repeating: 0, count: 1024)) }

    private mutating func add(_ entry: SnapshotEntry, as name: TreePath, _ browser: Browser) async throws {
        guard let metadata = entry.metadata else { return }
        var header = UstarHeader(metadata, name: name.bytes + (metadata.kind == .directory ? [0x2F] : []))
        if let key = HardLinkKey(entry.node) {
            if let first = links[key] {
                header.type = UInt8(ascii: "1")
                header.linkName = first.bytes
                header.size = 0
            } else if known.admit(name) {
                links[key] = name
            }
        }
        let records = header.records(metadata.extendedAttributes)
        if !records.isEmpty {
            try put(UstarHeader.extended(count: records.count).block)
            try put(records)
            try pad(records.count)
        }
        try put(header.block)
        guard header.size > 0 else { return }
        var written: Int64 = 0
        try await browser.content(of: entry) { bytes in
            written += Int64(bytes.count)
            try bytes.withUnsafeBytes { try write($0) }
        }
        guard written == header.size else {
            throw RepositoryError.damaged("/\(entry.path)", expected: "\(header.size) bytes of content", found: "\(written)")
        }
        try pad(Int(written % 512))
    }

    private func put(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

    private func pad(_ count: Int) throws {
        if count % 512 != 0 { try put([UInt8](repeating: 0, count: 512 - count % 512)) }
    }
}

import Crypto
import Foundation
import Rigs
import StorageKit

@testable import Repository

/// A repository of ours on a local folder, and restic looking at the same folder.
struct Bench {
    let folder: Folder
    let store: LocalStore
    let repository: Repository
    let restic: ResticRig
    static let password = "geheim"

    init() async throws {
        folder = try Folder()
        store = LocalStore(path: folder("repo"))
        repository = try await KeyFile.$cost.withValue(16) { [store] in
            try await Repository.create(on: store, password: Array(Self.password.utf8))
        }
        restic = try ResticRig(repository: folder("repo"), password: Self.password, cache: folder("cache"))
    }

    /// Lines that compress about four to one.
    static func text(_ count: Int, seed: Int) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(count + 100)
        var line = seed
        while out.count < count {
            out += Array("2026-01-02T03:04:\(line % 60) host\(line % 7) worker[\(line &* 7919 % 100_003)]: step \(line) finished\n".utf8)
            line += 1
        }
        out.removeLast(out.count - count)
        return out
    }

    /// Fails unless both folders are equal in names, types, content, modes, owners and times.
    static func expectEqual(_ left: String, _ right: String) throws {
        let (one, other) = (try listing(left), try listing(right))
        guard one == other else {
            throw ResticRig.Failure(
                description: "metadata differs:\n" + Set(one).symmetricDifference(other).sorted().joined(separator: "\n"))
        }
    }

    private static func listing(_ root: String) throws -> [String] {
        func walk(_ path: String, _ full: String) throws -> [String] {
            let reader = FolderReader(full)
            return try reader.list("").entries.flatMap { entry in
                let m = entry.metadata
                let line =
                    "\(path)/\(entry.name.bytes) \(m.kind) \(String(m.permissions, radix: 8)) \(m.userID):\(m.groupID) \(m.size) \(m.modified) \(m.linkTarget) \(m.device) \(m.kind == .file ? m.linkCount : 1)"
                    + (m.kind == .file ? SHA256.hex(try content(reader, entry.name)) : "")
                return [line] + (m.kind == .directory ? try walk("\(path)/\(entry.name)", "\(full)/\(entry.name)") : [])
            }
        }
        return try walk("", root).sorted()
    }

    private static func content(_ reader: FolderReader, _ name: FileName) throws -> [UInt8] {
        let file = try reader.open(TreePath([name]))
        defer { file.close() }
        var out: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { buffer.deallocate() }
        while case let count = try file.read(into: buffer), count > 0 { out += buffer[..<count] }
        return out
    }
}

extension FolderReader {
    func list(_ text: String) throws -> TreeListing { try list(TreePath(text)) }
}

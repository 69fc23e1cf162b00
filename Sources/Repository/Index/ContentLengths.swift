import Basics
import Crypto

/// How long a file is by its blobs, which is not always what its tree says.
///
/// The index names each blob's size and is believed, for nothing is restored that does not hash to its name; where indexes differ about a blob, it is read.
extension BlobLoader {
    /// Bytes of each of these data blobs. Those that no index names are left out, and those that indexes differ about and no pack holds whole.
    func sizes(of ids: [ObjectID]) async throws -> [ObjectID: Int64] {
        var sizes = index.dataSizes(ids)
        for id in sizes.keys where index.isDoubtful(BlobKey(kind: .data, id: id)) {
            do {
                sizes[id] = Int64(try await load(BlobKey(kind: .data, id: id)).count)
            } catch is RepositoryError {
                sizes[id] = nil
            }
        }
        return sizes
    }

    /// Bytes of a file of these blobs; nil where one of them can't be had.
    func length(of content: [ObjectID]) async throws -> UInt64? {
        if let length = index.length(of: content) { return length }
        guard index.containsAll(content) else { return nil }
        let sizes = try await sizes(of: content)
        return content.reduce(UInt64?(0)) { sum, id in sizes[id].flatMap { size in sum.map { $0 + UInt64(size) } } }
    }

    /// What is wrong with a file whose size in the tree is not that of its blobs; nil where it is right, or a blob can't be had, which is an error of its own.
    func sizeProblem(of node: Node, at location: String) async throws -> RepositoryError? {
        guard node.type == "file", let length = try await length(of: node.content ?? []), length != node.size else { return nil }
        return .wrongSize(at: location, expected: node.size, found: length)
    }
}

extension RepositoryError {
    /// A file is whole only where its tree and its blobs agree. restic before 0.9 wrote others, of files that grew while they were read.
    static func wrongSize(at location: String, expected: UInt64, found: UInt64) -> RepositoryError {
        .damaged(
            location, expected: "blobs of \(expected.counted("byte")) in all, the size that its tree names", found: found.counted("byte"),
            advice:
                "`snappy-flow repository repair snapshots` keeps what is there under another name; `snappy-flow snapshots dump` prints it; a new backup reads the file again"
        )
    }
}

import Basics
import Repository
import StepKit

/// One system's copy in one repository, as the step's outputs tell later steps.
struct CopyRecord: Sendable, Hashable, Codable {
    var system: String
    /// The repository's name in the document.
    var repository: String
    var repositoryID: String
    var snapshotID: String
    var filesNew: UInt64 = 0
    var filesChanged: UInt64 = 0
    var filesUnmodified: UInt64 = 0
    /// Bytes.
    var dataAdded: UInt64 = 0
    var bytes: UInt64 = 0
    /// How many files are not in it as they were.
    var unreadable = 0
    /// Some of those, for people: `PATH: REASON`.
    var missed: [String] = []
    /// Of a block image: extents that were read, and those taken from the parent without reading.
    var extentsRead: Int?
    var extentsReused: Int?

    /// So many are named; outputs live in a row of the database.
    static let namedAtMost = 100

    init(system: String, repository: String, repositoryID: String, snapshot: Snapshot) {
        self.system = system
        self.repository = repository
        self.repositoryID = repositoryID
        snapshotID = snapshot.id
        guard let summary = snapshot.summary else { return }
        filesNew = summary.filesNew
        filesChanged = summary.filesChanged
        filesUnmodified = summary.filesUnmodified
        dataAdded = summary.dataAdded
        bytes = summary.bytesProcessed
    }

    /// The first copy's ids, the sums, and every copy.
    static func outputs(_ records: [CopyRecord]) throws -> [String: JSONValue] {
        func sum(_ count: (CopyRecord) -> UInt64) -> JSONValue { .int(Int64(clamping: records.reduce(0) { $0 + count($1) })) }
        var outputs: [String: JSONValue] = [
            "filesNew": sum(\.filesNew), "filesChanged": sum(\.filesChanged), "filesUnmodified": sum(\.filesUnmodified),
            "dataAdded": sum(\.dataAdded), "bytes": sum(\.bytes), "unreadable": sum { UInt64($0.unreadable) },
            "copies": .array(try records.map { try JSONValue(encoding: $0) }),
        ]
        let images = records.filter { $0.extentsRead != nil }
        if !images.isEmpty {
            outputs["extentsRead"] = .int(Int64(images.reduce(0) { $0 + ($1.extentsRead ?? 0) }))
            outputs["extentsReused"] = .int(Int64(images.reduce(0) { $0 + ($1.extentsReused ?? 0) }))
        }
        if let first = records.first {
            outputs["snapshotID"] = .string(first.snapshotID)
            outputs["repositoryID"] = .string(first.repositoryID)
        }
        return outputs
    }

    /// The copies that a finished copy step made, its fan-out members' too.
    static func copies(of step: StepID, in outputs: [StepID: [String: JSONValue]]) throws -> [CopyRecord] {
        let own = outputs.filter { $0.key == step || $0.key.rawValue.hasPrefix("\(step)[") }.sorted { $0.key < $1.key }
        return try own.flatMap { try $0.value["copies"]?.decoded(as: [CopyRecord].self) ?? [] }
    }
}

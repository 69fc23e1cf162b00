import Foundation

/// What the copy's `backup.json` says: where it comes from and what it spans.
struct BaseBackupReport: Sendable, Hashable, Codable {
    /// The cluster's own identifier.
    var system: String
    /// `150020` for 15.20.
    var serverVersion: Int
    /// WAL positions (`0/3000028`) and the timeline they are on.
    var startedAt: String
    var endedAt: String
    var timeline: String
    /// Where each tablespace was on the server, by oid.
    var tablespaces: [String: String]

    var json: [UInt8] {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return try Array(encoder.encode(self)) + [UInt8(ascii: "\n")]
        }
    }
}

import Basics
import Logging

/// One line of the log before it is spelled: the same for every format and place.
struct LogRecord: Sendable, Hashable {
    var time: Instant
    var level: Logger.Level
    /// Who speaks: `worker`, `rest-server`, `database`.
    var label: String
    var message: String
    /// What went wrong, where something did: an explanation's parts, or `found` alone.
    var error: JSONValue?
    /// What a reader sees of the error, in one line.
    var errorText: String?
    /// By key. `job`, `step`, `attempt` and `worker` are those of the database's rows.
    var fields: [String: JSONValue]

    /// Bytes of one text. What others wrote may have any length; the log's lines have not.
    static let longestText = 4096

    /// The text, cut with a word about what is left out.
    static func bounded(_ text: String) -> String {
        let bytes = text.utf8
        guard bytes.count > longestText else { return text }
        var end = bytes.index(bytes.startIndex, offsetBy: longestText)
        // Not in the middle of a character.
        while end > bytes.startIndex, end.samePosition(in: text.unicodeScalars) == nil { end = bytes.index(before: end) }
        let kept = text[..<end]
        return "\(kept)... (and \(bytes.count - kept.utf8.count) bytes)"
    }
}

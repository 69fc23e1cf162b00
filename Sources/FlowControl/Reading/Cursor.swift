import Basics
import FlowModel
import Foundation

/// Where a page ended, as text that says nothing to who passes it on: base64 (RFC 4648, 5) of the list's word and the last row's key. A key is of a row and no
/// count of rows, so what is added or goes meanwhile shifts nothing.
enum Cursor {
    enum List: String { case jobs, events, logs }

    static func text(_ list: List, after key: String) -> String {
        Data("\(list.rawValue):\(key)".utf8).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// The key. Throws `invalid` for what is no cursor of that list.
    static func key(_ text: String, of list: List) throws(Explanation) -> String {
        let plain = text.replacing("-", with: "+").replacing("_", with: "/")
        let padded = plain + String(repeating: "=", count: (4 - plain.utf8.count % 4) % 4)
        let words = Data(base64Encoded: padded).flatMap { String(validating: $0, as: UTF8.self) }
        guard let words, words.hasPrefix(list.rawValue + ":") else { throw bad(text, list) }
        return String(words.dropFirst(list.rawValue.count + 1))
    }

    /// The key of a list that is numbered; 0, which is before all, for no cursor.
    static func number(_ text: String?, of list: List) throws(Explanation) -> Int64 {
        guard let text else { return 0 }
        guard let number = Int64(try key(text, of: list)), number >= 0 else { throw bad(text, list) }
        return number
    }

    static func bad(_ text: String, _ list: List) -> Explanation {
        Explanation(
            .invalid, expected: "what a page of \(list.rawValue) gave as `next`", found: String(text.prefix(100)), at: "cursor",
            advice: "begin without a cursor")
    }
}

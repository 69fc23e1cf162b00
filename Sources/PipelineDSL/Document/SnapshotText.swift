/// How a repository snapshot is named in a document.
enum SnapshotText {
    static let words = "latest, latest before TIME, or an id of 8 to 64 hex digits"

    static func isGood(_ text: String) -> Bool {
        let before = "latest before "
        if text == "latest" { return true }
        if text.hasPrefix(before) { return text.count > before.count }
        return (8...64).contains(text.utf8.count) && text.allSatisfy { $0.isHexDigit && !$0.isUppercase }
    }
}

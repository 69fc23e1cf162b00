import Expressions

/// Keeps what looks like a written-out secret out of the lines that diagnostics show. By the text alone: a line may be shown because of a
/// mistake in it that keeps anybody from reading it as what it was meant to be.
enum SecretInText {
    private static let words = ["pass", "pwd", "secret", "token", "credential", "authorization", "apikey", "api_key"]

    /// The line up to the value of the first key that sounds like a secret's, unless a reference or nothing stands there.
    static func hidden(_ line: String) -> String {
        var rest = line[...]
        while let colon = rest.firstIndex(of: ":") {
            let after = line[line.index(after: colon)...]
            let value = after.drop(while: { $0 == " " || $0 == "\t" })
            let key = keyBefore(colon, in: line)
            // A reference names a file by its absolute path: anything else may be the secret, put in the wrong place.
            let isMisplaced = key == "fromfile" && value.first { $0 != "\"" && $0 != "'" } != "/"
            if isMisplaced || isSecret(key), let first = value.first, !"{[#|>".contains(first), first != "…" {
                return line[..<value.startIndex] + "…"
            }
            rest = after
        }
        return line
    }

    private static func keyBefore(_ colon: String.Index, in line: String) -> String {
        let key = line[..<colon].reversed().drop(while: { " \"'\t".contains($0) }).prefix {
            $0.isLetter || $0.isNumber || "_-".contains($0)
        }
        return String(key.reversed()).lowercased()
    }

    private static func isSecret(_ key: String) -> Bool {
        guard (3...40).contains(key.count) else { return false }
        return words.contains { key.contains($0) } || NearestName.of(key, among: ["password", "secret"]) != nil
    }
}

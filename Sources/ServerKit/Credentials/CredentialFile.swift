public import Basics
import Foundation
import Glibc

/// A file of users, read again when it changes. Its calls block.
public struct CredentialFile: Sendable {
    public enum Kind: Sendable { case passwords, tokens }
    public let path: String
    public let kind: Kind
    /// None for one who is shut out.
    public private(set) var users: [ExactText: [PasswordHash]] = [:]
    private var stamp: FileStamp?

    /// Blocks.
    public init(_ path: String, _ kind: Kind) throws(Explanation) {
        self.path = path
        self.kind = kind
        _ = try refresh()
    }

    /// Reads the file if it is another one than before; true when it was. A file that can't be read changes nothing but throws, once.
    public mutating func refresh() throws(Explanation) -> Bool {
        let now = FileStamp(path)
        guard now != stamp else { return false }
        stamp = now
        guard now.failure == 0, let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw Explanation(
                .unreadable, expected: "a file of users", found: now.failure == 0 ? "no text" : String(cString: strerror(now.failure)),
                at: path, advice: "make it readable for the server's user")
        }
        users = try Self.parse(text, kind, at: path)
        return true
    }

    /// `user:hash` lines, users by their bytes, as the folders that are theirs; empty ones and those that begin with `#` are nothing. Several lines may name one user. A hash
    /// behind `!`, as `usermod -L` writes it, or `*` alone shuts its user out.
    public static func parse(_ text: String, _ kind: Kind, at path: String) throws(Explanation) -> [ExactText: [PasswordHash]] {
        var users: [ExactText: [PasswordHash]] = [:]
        var shutOut: Set<ExactText> = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let line = line.trimmingCharacters(in: .whitespaces)
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            let parts = line.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false).map {
                String(Substring($0))
            }
            let place = "\(path):\(index + 1)"
            guard parts.count == 2, isName(parts[0]) else {
                throw Explanation(
                    .unreadable, expected: "user:hash, the user of letters, digits and @ . _ -", found: "something else", at: place,
                    advice: kind == .passwords ? "make the line with: htpasswd -nB USER" : "write USER:SHA256-OF-THE-TOKEN")
            }
            if parts[1].hasPrefix("!") || parts[1] == "*" {
                shutOut.insert(ExactText(parts[0]))
                continue
            }
            guard let hash = kind == .passwords ? PasswordHash(password: parts[1]) : PasswordHash(token: parts[1]) else {
                throw Explanation(
                    .unreadable, expected: kind == .passwords ? "a bcrypt, {SHA} or crypt(5) hash" : "64 hex digits of a SHA-256",
                    found: "another one", at: place,
                    advice: kind == .passwords
                        ? "make the line with: htpasswd -nB \(parts[0])" : "make it with: printf %s TOKEN | sha256sum")
            }
            users[ExactText(parts[0]), default: []].append(hash)
        }
        // Whatever other lines say: who is shut out is out.
        for user in shutOut { users[user] = [] }
        return users
    }

    /// Also a folder's name, with `--private-repos`.
    private static func isName(_ text: String) -> Bool {
        text.utf8.first != UInt8(ascii: ".") && text.count <= 64 && !text.isEmpty
            && text.unicodeScalars.allSatisfy { CharacterSet.alphanumerics.contains($0) || "@._-".unicodeScalars.contains($0) }
    }
}

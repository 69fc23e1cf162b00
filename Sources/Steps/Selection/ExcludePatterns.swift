import Basics
import StepKit
import StorageKit

/// Patterns of what to leave out, read in order: the last that fits a path decides, and one with `!` in front takes it in again.
struct ExcludePatterns: Sendable {
    /// As they were written.
    let texts: [String]
    private let patterns: [PathPattern]
    private let ignoresCase: Bool

    /// Empty ones are ignored. `origin` is who declares them, for errors.
    init(_ texts: [String], ignoringCase: Bool = false, origin: String) throws(StepError) {
        self.texts = texts.filter { !$0.isEmpty }
        ignoresCase = ignoringCase
        var patterns: [PathPattern] = []
        for text in self.texts {
            do throws(NamePattern.Mistake) {
                let bytes = Array(text.utf8)
                patterns.append(
                    try PathPattern(ignoringCase ? String(decoding: UTF8Character.lowercased(bytes), as: UTF8.self) : text))
            } catch {
                throw StepError(
                    .invalidSetting, expected: "a pattern of paths to leave out", found: "`\(text)`: \(error.rawValue)", at: origin,
                    advice: "put a `\\` before a `[`, `]`, `-` or `\\` that stands for itself")
            }
        }
        self.patterns = patterns
    }

    var isEmpty: Bool { patterns.isEmpty }

    /// `path` is the whole, absolute path.
    func match(_ path: TreePath) -> Bool { pattern(against: path) != nil }

    /// The pattern that leaves out a path, as it was written; nil when none does.
    func pattern(against path: TreePath) -> String? {
        if patterns.isEmpty { return nil }
        let path = ignoresCase ? TreePath(path.parts.map { FileName(bytes: UTF8Character.lowercased($0.bytes)) }) : path
        var deciding: Int?
        for (index, pattern) in patterns.enumerated() where pattern.isNegated == (deciding != nil) && pattern.matches(path) {
            deciding = pattern.isNegated ? nil : index
        }
        return deciding.map { texts[$0] }
    }
}

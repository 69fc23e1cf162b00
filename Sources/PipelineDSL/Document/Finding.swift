import Expressions
import StepKit

/// Something wrong at a place, before it is known which file it is in, or whether another reading of the same text fits.
struct Finding: Sendable, Hashable {
    var code: String
    var message: String
    var expected = ""
    var found = ""
    var hint = ""
    var isWarning = false
    var mark: SourceMark
    /// A key that nobody knows. What it may have meant is looked for when it is shown: a hostile document has many thousands.
    private var unknownKey: UnknownKey?

    private struct UnknownKey: Sendable, Hashable {
        var key: String
        var schemas: [SettingsSchema]
        var more: [String]
    }

    init(
        _ code: String, _ message: String, expected: String = "", found: String = "", hint: String = "", isWarning: Bool = false,
        at mark: SourceMark
    ) {
        self.code = code
        self.message = message
        self.expected = expected
        self.found = found
        self.hint = hint
        self.isWarning = isWarning
        self.mark = mark
    }

    /// `schemas` and `known` say what would be a key of the place.
    static func unknownKey(
        _ key: String, in place: String, schemas: [SettingsSchema] = [], known: [String] = [], at mark: SourceMark
    ) -> Finding {
        var finding = Finding("unknown-key", "`\(key)` is not a key of \(place)", found: key, at: mark)
        finding.unknownKey = UnknownKey(key: key, schemas: schemas, more: known)
        return finding
    }

    /// As it is shown: with what was expected, and the nearest to it.
    var complete: Finding {
        guard let unknownKey else { return self }
        let known = Set(unknownKey.schemas.flatMap(\.fields).map(\.name) + unknownKey.more)
        var finding = self
        finding.unknownKey = nil
        finding.expected = "one of \(known.sorted().joined(separator: ", "))"
        finding.hint = Self.nearest(to: unknownKey.key, among: Array(known))
        return finding
    }

    static func nearest(to name: String, among known: [String]) -> String {
        NearestName.of(name, among: known).map { "did you mean `\($0)`?" } ?? ""
    }
}

extension DiagnosticSink {
    mutating func report(_ finding: Finding, in source: SourceText) {
        let finding = isFull(of: finding.isWarning ? .warning : .error) ? finding : finding.complete
        if finding.isWarning {
            warning(
                finding.code, finding.message, expected: finding.expected, found: finding.found, hint: finding.hint, at: finding.mark,
                in: source)
        } else {
            error(
                finding.code, finding.message, expected: finding.expected, found: finding.found, hint: finding.hint, at: finding.mark,
                in: source)
        }
    }
}

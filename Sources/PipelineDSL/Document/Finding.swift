/// Something wrong at a place, before it is known which file it is in, or whether another reading of the same text fits.
struct Finding: Sendable, Hashable {
    var code: String
    var message: String
    var expected = ""
    var found = ""
    var hint = ""
    var isWarning = false
    var mark: SourceMark

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

    static func unknownKey(_ key: String, in place: String, known: [String], at mark: SourceMark) -> Finding {
        Finding(
            "unknown-key", "`\(key)` is no key of \(place)", expected: "one of \(known.sorted().joined(separator: ", "))", found: key,
            hint: nearest(to: key, among: known), at: mark)
    }

    static func nearest(to name: String, among known: [String]) -> String {
        NearestName.of(name, among: known).map { "did you mean `\($0)`?" } ?? ""
    }
}

extension DiagnosticSink {
    mutating func report(_ finding: Finding, in source: SourceText) {
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

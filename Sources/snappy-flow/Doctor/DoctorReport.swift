import Basics

/// What `doctor` has found, in its order: lines with marks while it looks, or one JSON document at its end.
struct DoctorReport {
    private let terminal = Terminal()
    private let format: OutputFormat
    private(set) var findings: [Finding] = []
    private var section = ""

    init(_ format: OutputFormat) { self.format = format }

    mutating func title(_ text: String) {
        section = text
        say("\n" + terminal.paint(text, .bold))
    }

    mutating func good(_ text: String, about outside: OutsideFinding? = nil, mended: Bool = false) {
        add(Finding(severity: .ok, section: section, text: text, outside: outside, isMended: mended))
    }

    /// Neither good nor bad.
    mutating func note(_ text: String, do remedy: String = "", about outside: OutsideFinding? = nil) {
        add(Finding(severity: .note, section: section, text: text, remedy: remedy, outside: outside))
    }

    mutating func warning(_ text: String, do remedy: String) {
        add(Finding(severity: .warning, section: section, text: text, remedy: remedy))
    }

    mutating func bad(_ text: String, do remedy: String) {
        add(Finding(severity: .error, section: section, text: text, remedy: remedy))
    }

    /// `about`: what can't be looked at, or done.
    mutating func bad(_ error: any Error, about subject: String = "") {
        let explained = Explanation(error, at: subject)
        let place = subject.isEmpty ? "\(explained.location): " : "\(subject): "
        bad("\(place)expected \(explained.expected), found \(explained.found)", do: explained.advice)
    }

    mutating func held(_ text: String, error: Explanation? = nil, do remedy: String, about outside: OutsideFinding? = nil) {
        add(Finding(severity: .held, section: section, text: text, remedy: remedy, error: error, outside: outside))
    }

    private mutating func add(_ finding: Finding) {
        findings.append(finding)
        let mark =
            switch finding.severity {
            case .ok: terminal.paint("\u{2714}", .green)
            case .note: "-"
            case .warning: terminal.paint("!", .yellow)
            case .error, .held: terminal.paint("\u{2718}", .red)
            }
        say("  \(mark) \(finding.text.printable)")
        if let error = finding.error { say("      last: \("\(error)".printable)") }
        if !finding.remedy.isEmpty { say("      do: \(finding.remedy.printable)") }
    }

    private func say(_ line: String) {
        if format == .table { print(line) }
    }

    /// 4 where something is held that nobody undoes, 1 where something else is wrong.
    var status: CommandStatus {
        if findings.contains(where: { $0.severity == .held }) { return .cleanupFailed }
        return findings.contains { $0.severity == .error } ? .failed : .succeeded
    }

    func conclude() {
        let wrong = findings.count { [.held, .error].contains($0.severity) }
        let warnings = findings.count { $0.severity == .warning }
        let document: JSONValue = [
            "status": .int(Int64(status.rawValue)), "toMend": .int(Int64(wrong)), "warnings": .int(Int64(warnings)),
            "mended": .int(Int64(findings.count(where: \.isMended))), "findings": .array(findings.map(\.json)),
        ]
        switch format {
        case .table:
            let more = warnings == 0 ? "" : " \(warnings) warning\(warnings == 1 ? "" : "s")."
            print("\n" + (wrong == 0 ? "All is well." : "\(wrong) thing\(wrong == 1 ? "" : "s") to mend.") + more)
        case .json: print(document.prettyText)
        case .yaml: print(document.yamlText)
        }
    }
}

import Testing

@testable import PipelineDSL

/// Hostile input ends in one error, soon, whatever its size.
@Suite struct YAMLLimitsTests {
    private func problem(_ bytes: [UInt8], within limit: Duration = .seconds(30)) -> String {
        var codes: [String] = []
        let time = ContinuousClock().measure { codes = ReadingYAML.documents(bytes).diagnostics.map(\.code) }
        #expect(time < limit)
        return codes.joined(separator: " ")
    }

    private func problem(_ text: String) -> String { problem(Array(text.utf8)) }

    @Test func aHundredMegabytes() {
        #expect(problem([UInt8](repeating: UInt8(ascii: "a"), count: 100 << 20)) == "too-large")
    }

    @Test(arguments: ["[", "{a: ", "- ", "? "])
    func tenThousandLevels(_ opening: String) {
        #expect(problem(String(repeating: opening, count: 10_000)) == "too-deep")
    }

    @Test func sixtyFourLevelsAreFine() {
        func nested(_ levels: Int) -> String { String(repeating: "[", count: levels) + String(repeating: "]", count: levels) }
        #expect(problem(nested(YAMLLimits.depth)) == "")
        #expect(problem(nested(YAMLLimits.depth + 1)) == "too-deep")
    }

    @Test func aliasesOfAliasesMultiply() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1..<30 { text += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", "))]\n" }
        #expect(problem(text) == "too-many-values")
    }

    /// Each anchor holds the one before it sixty levels down: few nodes, thousands of levels.
    @Test func aliasesOfAliasesAreNotDeeperThanAllowed() {
        var text = "a0: &a0 x\n"
        for level in 1..<100 {
            text += "a\(level): &a\(level) \(String(repeating: "[", count: 60))*a\(level - 1)\(String(repeating: "]", count: 60))\n"
        }
        #expect(problem(text) == "too-deep")
    }

    @Test func anAliasThatFitsIsFine() {
        let half = String(repeating: "[", count: 30) + "x" + String(repeating: "]", count: 30)
        let rest = String(repeating: "[", count: 30) + "*a" + String(repeating: "]", count: 30)
        #expect(problem("a: &a \(half)\nb: \(rest)\n") == "")
    }

    @Test func manyValues() {
        #expect(problem("[" + String(repeating: "1,", count: 600_000) + "]") == "too-many-values")
    }

    @Test func aLongValue() {
        #expect(problem("a: " + String(repeating: "x", count: 2 << 20)) == "too-large")
    }

    @Test func binary() {
        #expect(problem([0x7F, 0x45, 0x4C, 0x46, 0x02, 0x01, 0x00, 0x00]) == "binary")
        #expect(problem([0xFF, 0xFE, 0x61, 0x00]) == "not-utf8")
    }

    /// RFC 3629: overlong forms, surrogates, cut sequences, beyond U+10FFFF.
    @Test(arguments: [
        [0xC0, 0xAF], [0xE0, 0x80, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xC3], [0xE2, 0x82], [0x80],
        [0xF8, 0x88, 0x80, 0x80, 0x80],
    ])
    func notUTF8(_ bytes: [UInt8]) throws {
        let diagnostics = ReadingYAML.documents(Array("a: 1\nb: ö".utf8) + bytes + Array("\n".utf8)).diagnostics
        let only = try #require(diagnostics.first)
        #expect(diagnostics.count == 1)
        #expect(only.code == "not-utf8")
        #expect(only.mark == SourceMark(line: 2, column: 5))
    }

    @Test func nothingAtAll() {
        #expect(ReadingYAML.documents("").nodes.isEmpty)
        #expect(ReadingYAML.documents("").diagnostics.isEmpty)
        #expect(ReadingYAML.documents("# a remark\n").diagnostics.isEmpty)
    }
}

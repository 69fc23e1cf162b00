import Basics
import Testing

@testable import PipelineDSL

/// Reads text and gives the values, or the first problem's code.
enum ReadingYAML {
    static func documents(_ text: String) -> (nodes: [YAMLNode], diagnostics: [Diagnostic]) { documents(Array(text.utf8)) }

    static func documents(_ bytes: [UInt8]) -> (nodes: [YAMLNode], diagnostics: [Diagnostic]) {
        var sink = DiagnosticSink()
        let nodes = YAMLParser.parse(SourceText(name: "test.yaml", bytes: bytes), into: &sink)
        return (nodes, sink.diagnostics)
    }

    /// `code line:column` of each problem.
    static func problems(_ text: String) -> [String] {
        documents(text).diagnostics.map { "\($0.code) \($0.mark.line):\($0.mark.column)" }
    }
}

@Suite struct YAMLParserTests {
    /// YAML 1.2.2, 10.3.2: what is not in the table is text, `yes` and its like among it.
    static let scalars: [(String, JSONValue)] = [
        ("", .null), ("~", .null), ("null", .null), ("NULL", .null), ("nUll", "nUll"), ("true", true), ("False", false),
        ("tRue", "tRue"), ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"), ("0", 0), ("-12", -12), ("+12", 12),
        ("007", 7), ("0o17", 15), ("0o8", "0o8"), ("0o-7", "0o-7"), ("0o", "0o"), ("017", 17), ("0x1F", 31), ("0x+1", "0x+1"),
        ("0xg", "0xg"),
        ("9007199254740993", 9_007_199_254_740_993), ("1.5", .double(1.5)), (".5", .double(0.5)), ("-1e3", .double(-1000)),
        ("1_000", "1_000"),
        ("2024-01-02", "2024-01-02"), ("12:30", "12:30"), ("1.2.3", "1.2.3"), ("10%", "10%"), ("64MiB", "64MiB"), ("'12'", "12"),
        ("\"true\"", "true"), ("'null'", "null"), ("0.1.", "0.1."), ("- 1", [1]), ("1e999", "1e999"),
    ]

    @Test(arguments: scalars)
    func coreSchema(_ text: String, _ value: JSONValue) throws {
        let read = ReadingYAML.documents("key:\n  \(text)\n")
        #expect(read.diagnostics.isEmpty)
        #expect(try #require(read.nodes.first).json == ["key": value])
    }

    @Test func marksAreOfCharacters() throws {
        let node = try #require(ReadingYAML.documents("a: 1\nümlaut: {b: ö, c: [x, y]}\n").nodes.first)
        let inner = try #require(node["ümlaut"])
        #expect(inner.mark == SourceMark(line: 2, column: 9))
        #expect(inner["b"]?.mark == SourceMark(line: 2, column: 13))
        #expect(inner["c"]?.elements?[1].mark == SourceMark(line: 2, column: 23))
    }

    @Test func severalDocuments() {
        let read = ReadingYAML.documents("a: 1\n---\nb: 2\n...\n---\n# nothing\n---\nc: 3\n")
        #expect(read.nodes.map(\.json) == [["a": 1], ["b": 2], nil, ["c": 3]])
    }

    @Test func everyDuplicateKeyIsShown() {
        #expect(ReadingYAML.problems("a: 1\nb: {c: 1, d: 2, c: 3}\na: 2\n") == ["duplicate-key 2:17", "duplicate-key 3:1"])
    }

    @Test func anchorsAndAliases() throws {
        let node = try #require(ReadingYAML.documents("a: &x {p: 1}\nb: *x\nc: [*x, *x]\n").nodes.first)
        #expect(node.json == ["a": ["p": 1], "b": ["p": 1], "c": [["p": 1], ["p": 1]]])
        #expect(node["b"]?.mark == SourceMark(line: 2, column: 4))
        #expect(ReadingYAML.problems("a: *nothing\n") == ["unknown-anchor 1:4"])
        #expect(ReadingYAML.problems("a: &x 1\n---\nb: *x\n") == ["unknown-anchor 3:4"])
    }

    static let refused: [(String, String)] = [
        ("a: {b: ${parameters.x}}\n", "unquoted-expression 1:8"), ("a: [1, ${item}]\n", "unquoted-expression 1:8"),
        ("a: {b: 'x', c: ${item}}\n", "unquoted-expression 1:16"), ("a: !!binary aGk=\n", "tag 1:4"), ("a: !ours 1\n", "tag 1:4"),
        ("a: {b: 1,\n  # it's {\n  c: 'x ${y}',\n  d: ${z}}\n", "unquoted-expression 4:6"),
        ("a:\n  - [x, {y: 1},\n     z ${item},\n     w]\nb: 1\n", "unquoted-expression 3:8"),
        ("<<: {a: 1}\n", "merge-key 1:1"), ("[a, b]: 1\n", "bad-key 1:1"), ("a: [1, 2\n", "yaml-syntax 2:1"),
        ("\ta: 1\n", "yaml-syntax 1:1"),
        ("a: 'open\n", "yaml-syntax 2:1"), ("a: b: c\n", "yaml-syntax 1:5"),
    ]

    @Test(arguments: refused)
    func refusals(_ text: String, _ problem: String) { #expect(ReadingYAML.problems(text) == [problem]) }

    /// The line ends of YAML 1.1, which libyaml counts.
    @Test(arguments: ["\n", "\r\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"]) func everyLineEndEndsALine(_ end: String) throws {
        let source = SourceText(name: "a", bytes: Array("first: é\(end)\(end)third: 3\(end)last".utf8))
        #expect([0, 1, 2, 3, 4, 5].map(source.line) == ["", "first: é", "", "third: 3", "last", ""])
        let third = try #require(source.range(ofLine: 3))
        #expect(source.mark(ofByte: third.lowerBound + 2) == SourceMark(line: 3, column: 3))
        var sink = DiagnosticSink()
        _ = YAMLParser.parse(SourceText(name: "b", bytes: Array("a: 1\(end)b: 2\(end)b: 3\(end)".utf8)), into: &sink)
        #expect(sink.diagnostics.map(\.mark) == [SourceMark(line: 3, column: 1)])
        #expect(sink.diagnostics.map(\.line) == ["b: 3"])
    }

    @Test func quotedExpressionsAreNoProblem() throws {
        let read = ReadingYAML.documents("a: {b: \"${x}\", c: '${y}'}\nd: ${z}\n")
        #expect(try #require(read.nodes.first).json == ["a": ["b": "${x}", "c": "${y}"], "d": "${z}"])
    }
}

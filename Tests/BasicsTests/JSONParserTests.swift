import Basics
import Foundation
import Rigs
import Testing

@Suite struct JSONParserTests {
    static let texts: [(String, JSONValue)] = [
        (" \t\r\nnull ", nil), ("true", true), ("false", false), ("[]", []), ("{ }", [:]), ("[ 1 , [2] ]", [1, [2]]),
        (#"{"a":{"b":[null]},"c":""}"#, ["a": ["b": [nil]], "c": ""]), (#"{"a":1,"a":2}"#, ["a": 2]),
        ("0", 0), ("-0", 0), ("-7", -7), ("9223372036854775807", .int(.max)), ("-9223372036854775808", .int(.min)),
        ("1.0", 1), ("1e3", 1000), ("1E+3", 1000), ("25e-1", .double(2.5)), ("-0.5", .double(-0.5)),
        ("9223372036854775808", .double(9_223_372_036_854_775_808)), ("1e300", .double(1e300)), ("1e-400", 0),
        (#""a\"\\\/\b\f\n\r\tz""#, "a\"\\/\u{8}\u{c}\n\r\tz"), (#""\u0041\u00e4\u20AC\ud83d\ude00""#, "Aä€😀"),
        ("\"ä€😀\u{7f}\"", "ä€😀\u{7f}"),
        ("\u{FEFF}[1]", [1]), (#""\u0000""#, "\0"), (#"{"\u0061":1}"#, ["a": 1]),
    ]

    @Test(arguments: texts) func whatItMeans(_ text: String, _ value: JSONValue) throws {
        #expect(try JSONValue(parsing: text.utf8) == value)
        // From bytes that do not lie together, too.
        #expect(try JSONValue(parsing: Array(text.utf8).lazy.map { $0 }) == value)
    }

    static let wrong = [
        "", " ", "{", "}", "[1", "[1,]", "[,1]", "{\"a\":1,}", "{\"a\" 1}", "{\"a\":}", "{1:2}", "{a:1}", "nul", "nulll", "True", "'a'",
        "1 2", "[1]]",
        "01", "-", "+1", ".5", "1.", "1.e3", "1e", "1e+", "--1", "0x10", "NaN", "Infinity", "1e999", "-1e999",
        "\"", "\"a", "\"\\", "\"\\\"", #""\x""#, #""\u12""#, #""\u12G4""#, #""\ud800""#, #""\ud800x""#, #""\ud800\n""#, #""\ud800\u0041""#,
        #""\udc00""#,
        "\"\n\"", "\"a\u{1}\"", "1\u{FEFF}", "// x\n1",
    ]

    @Test(arguments: wrong) func whatIsNoJSON(_ text: String) {
        #expect(throws: DecodingError.self) { try JSONValue(parsing: Array(text.utf8)) }
    }

    @Test(
        arguments: [[0x22, 0xFF, 0x22], [0x22, 0xC3, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0x5C, 0x6E, 0xC0, 0x80, 0x22]]
            as [[UInt8]])
    func whatIsNoText(_ bytes: [UInt8]) {
        #expect(throws: DecodingError.self) { try JSONValue(parsing: bytes) }
    }

    @Test func deepEnough() throws {
        let text = String(repeating: "[", count: 500) + String(repeating: "]", count: 500)
        #expect(try JSONValue(parsing: text.utf8).canonicalText == text)
        #expect(throws: DecodingError.self) { try JSONValue(parsing: text.utf8, depth: 499) }
        // Hostile text ends with an error, not with the stack.
        for opening in ["[", "{\"a\":"] {
            #expect(throws: DecodingError.self) { try JSONValue(parsing: String(repeating: opening, count: 100_000).utf8) }
        }
    }

    /// What is wrong, and where.
    @Test func theWordsOfAnError() {
        let error = #expect(throws: DecodingError.self) { try JSONValue(parsing: #"{"a": [1, x]}"#.utf8) }
        guard case .dataCorrupted(let context)? = error else { return #expect(Bool(false), "\(String(describing: error))") }
        #expect(context.debugDescription == "expected a value, found other text at byte 10 of the JSON text")
    }

    /// Foundation reads the same out of whatever it writes, and out of random texts that either of the two takes.
    @Test func asFoundationReadsIt() throws {
        var random = SeededNumbers(state: 1)
        func some(_ depth: Int) -> JSONValue {
            switch Int.random(in: 0..<(depth > 3 ? 5 : 7), using: &random) {
            case 0: return .null
            case 1: return .bool(.random(using: &random))
            case 2: return .int(.random(in: .min ... .max, using: &random))
            case 3: return .double(Double(Int32.random(in: .min ... .max, using: &random)) / 1024)
            case 4:
                return .string(
                    String(
                        String.UnicodeScalarView(
                            (0..<Int.random(in: 0...8, using: &random)).compactMap { _ in UnicodeScalar(UInt32.random(in: 0...0x2_0000, using: &random)) })))
            case 5: return .array((0..<Int.random(in: 0...4, using: &random)).map { _ in some(depth + 1) })
            default:
                return .object(
                    Dictionary((0..<Int.random(in: 0...4, using: &random)).map { (String($0 * 7, radix: 36), some(depth + 1)) }) { first, _ in first })
            }
        }
        for _ in 0..<300 {
            let value = some(0)
            for options in [[], [.prettyPrinted, .sortedKeys], [.withoutEscapingSlashes]] as [JSONEncoder.OutputFormatting] {
                let encoder = JSONEncoder()
                encoder.outputFormatting = options
                let text = try encoder.encode([value])
                let theirs = try JSONDecoder().decode([JSONValue].self, from: text)
                #expect(try JSONValue(parsing: text) == .array(theirs), "\(String(decoding: text, as: UTF8.self))")
            }
        }
    }
}

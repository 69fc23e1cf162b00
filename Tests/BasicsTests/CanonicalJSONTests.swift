import Basics
import Testing

@Suite struct CanonicalJSONTests {
    static let spellings: [(JSONValue, String)] = [
        (.null, "null"), (true, "true"), (-5, "-5"), (.int(.max), "9223372036854775807"), (.int(.min), "-9223372036854775808"),
        (.double(1.5), "1.5"), (.double(3), "3"), (.double(-0.0), "0"), (.double(0.1), "0.1"), (.double(1e300), "1e+300"),
        ("", "\"\""), ("a\"b\\c\n\r\t\u{1}\u{1F}/ö😀", "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f/ö😀\""), ([], "[]"),
        ([1, "a", [nil]], "[1,\"a\",[null]]"),
        ([:], "{}"), (["b": 1, "a": 2, "B": 3, "ä": 4, "": 5], "{\"\":5,\"B\":3,\"a\":2,\"b\":1,\"ä\":4}"),
    ]

    @Test(arguments: spellings) func oneSpelling(_ value: JSONValue, _ text: String) throws {
        #expect(value.canonicalText == text)
        // Reading it back gives the same bytes.
        #expect(try JSONValue(parsing: value.canonicalBytes).canonicalText == text)
    }

    /// Integers stay integers through Codable, also where a double could not hold them.
    @Test(arguments: [0, 1, -1, 9_007_199_254_740_993, Int64.max, Int64.min]) func integersSurvive(_ value: Int64) throws {
        #expect(try JSONValue(parsing: JSONValue.int(value).canonicalBytes) == .int(value))
        #expect(try JSONValue(encoding: [JSONValue.int(value)]) == [.int(value)])
    }

    @Test func truthIsNoNumber() throws {
        #expect(try JSONValue(parsing: Array("[true, 1, false, 0, 1.0]".utf8)) == [true, 1, false, 0, 1])
    }

    @Test func views() {
        let value: JSONValue = ["n": 3, "d": .double(4), "half": .double(0.5), "s": "x", "l": [1], "none": nil]
        #expect(value["n"]?.intValue == 3)
        #expect(value["d"]?.intValue == 4)
        #expect(value["half"]?.intValue == nil)
        #expect(value["n"]?.doubleValue == 3)
        #expect(value["s"]?.stringValue == "x")
        #expect(value["l"]?.arrayValue == [1])
        #expect(value["none"]?.isNull == true)
        #expect(value["missing"] == nil)
        #expect(JSONValue.null["x"] == nil)
    }
}

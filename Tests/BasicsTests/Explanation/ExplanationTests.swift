import Basics
import Foundation
import Testing

@Suite struct ExplanationTests {
    private static func whole(_ kind: ErrorKind) -> Explanation {
        Explanation(
            kind, expected: "a", found: "b\n\u{1b}", at: "/ü", advice: "c", retry: .transient, retryAfter: .milliseconds(90_061_001))
    }

    @Test(arguments: ErrorKind.allCases) func nothingIsLostWhereItIsStored(_ kind: ErrorKind) throws {
        let explanation = Self.whole(kind)
        let json = try JSONValue(encoding: explanation)
        #expect(try JSONValue(parsing: json.canonicalBytes).decoded() == explanation)
        #expect(json["code"] == .string(kind.rawValue))
    }

    @Test func wordsOfOtherVersionsAreRead() throws {
        let json: JSONValue = [
            "code": "noSpace", "expected": "room", "found": "none", "location": "/x", "advice": "", "retry": "transient",
        ]
        #expect(try json.decoded() == Explanation(.noSpace, expected: "room", found: "none", at: "/x", retry: .transient))
    }

    @Test func itIsSaidInOneLine() {
        var explanation = Explanation(.noSpace, expected: "4MiB free", found: "1MiB", at: "/backup", advice: "free some")
        #expect(explanation.description == "/backup: expected 4MiB free, found 1MiB; free some")
        explanation.advice = ""
        #expect(explanation.description == "/backup: expected 4MiB free, found 1MiB")
    }

    @Test func anyErrorHasOne() {
        #expect(Explanation(Self.whole(.locked), at: "elsewhere") == Self.whole(.locked))
        let cancelled = Explanation(CancellationError(), at: "here")
        #expect(cancelled.kind == .cancelled && cancelled.location == "here" && cancelled.retry == .transient)
        let unknown = Explanation(CocoaError(.fileNoSuchFile), at: "here")
        #expect(unknown.kind == .failed && unknown.location == "here" && !unknown.found.isEmpty)
    }
}

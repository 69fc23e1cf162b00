import Basics
import Testing

@testable import Expressions

@Suite struct ExpressionTests {
    static let scope = ExpressionScope(
        parameters: [
            "full": true, "sample": "10%", "count": 3, "hosts": ["a", "b"], "site": ["name": "nyc", "racks": [1, 2]], "nothing": nil,
        ],
        outputs: ["copy-home": ["snapshotID": "abc", "bytes": 9_007_199_254_740_993], "copy-vm[web1]": ["snapshotID": "v1"]],
        job: ["id": "j1", "createdAt": "2026-01-01T00:00:00Z"], pipeline: ["name": "nightly", "labels": ["tier": "web"]],
        item: ["name": "web1"])

    static let good: [(String, JSONValue)] = [
        // a text that is one expression keeps the value's type
        ("${parameters.count}", 3), ("${parameters.full}", true), ("${parameters.hosts}", ["a", "b"]),
        ("${parameters.nothing}", nil), ("${parameters.site.racks[1]}", 2), ("${parameters.site.racks.0}", 1),
        ("${steps.copy-home.outputs.bytes}", 9_007_199_254_740_993), ("${steps['copy-vm[web1]'].outputs.snapshotID}", "v1"),
        ("${job.id}", "j1"), ("${pipeline.name}", "nightly"), ("${pipeline.labels.tier}", "web"), ("${item.name}", "web1"),
        // embedded in more text it becomes text
        ("n=${parameters.count}!", "n=3!"), ("${parameters.hosts}${parameters.full}", "[\"a\",\"b\"]true"),
        ("<${parameters.nothing}>", "<>"),
        ("$${parameters.count}", "${parameters.count}"), ("plain $ {text}", "plain $ {text}"), ("${'}'}", "}"),
        // operators
        ("${parameters.count == 3.0}", true), ("${parameters.count >= 3 && parameters.count < 4}", true), ("${!parameters.full}", false),
        ("${!(parameters.count > 3) || missing.path}", true), ("${parameters.sample == '10%'}", true), ("${'a' < 'b'}", true),
        ("${true || false && false}", true), ("${(true || false) && false}", false), ("${parameters.hosts == steps.x.outputs.y}", false),
        // functions
        ("${lower('ABC')}", "abc"), ("${upper(pipeline.name)}", "NIGHTLY"), ("${join(parameters.hosts, ', ')}", "a, b"),
        ("${length(parameters.hosts)}", 2), ("${length('ö')}", 1), ("${length(parameters.site)}", 2),
        ("${contains(parameters.hosts, 'a')}", true),
        ("${contains('abc', 'bc')}", true), ("${contains('abc', '')}", true), ("${default(steps.skipped.outputs.id, 'none')}", "none"),
        ("${default(parameters.sample, 'x')}", "10%"),
    ]

    @Test(arguments: good)
    func values(_ text: String, _ value: JSONValue) throws {
        // `missing.path` behind `||` is never looked at by the evaluator.
        #expect(try ExpressionEvaluator.resolve(.string(text), in: Self.scope) == value)
    }

    static let bad: [(String, String)] = [
        ("${parameters.other}", "unknown-reference"), ("${steps.copy-home.snapshotID}", "unknown-reference"),
        ("${parameter.count}", "unknown-reference"),
        ("${job.name}", "unknown-reference"), ("${parameters.count.x}", "unknown-reference"), ("${lowr('A')}", "unknown-function"),
        ("${lower(1)}", "expression-type"), ("${lower()}", "expression"), ("${!parameters.count}", "expression-type"),
        ("${1 < 'a'}", "expression-type"), ("${parameters.count", "expression"), ("${}", "expression"), ("${1 2}", "expression"),
        ("${'open}", "expression"), ("${a..b}", "expression"), ("${#}", "expression"), ("${1 + 1}", "expression"),
        ("${1.2.3}", "expression"),
    ]

    @Test(arguments: bad)
    func errors(_ text: String, _ code: String) {
        #expect { try ExpressionEvaluator.resolve(.string(text), in: Self.scope) } throws: { ($0 as? Explanation)?.code == code }
    }

    @Test func aWrongNameComesWithTheNearest() throws {
        let error = #expect(throws: Explanation.self) { try ExpressionEvaluator.resolve("${lowr('A')}", in: Self.scope) }
        #expect(error?.advice == "did you mean `lower`?")
    }

    @Test func settingsAreResolvedAtAnyDepth() throws {
        let settings: [String: JSONValue] = ["argv": ["touch", "/x/${item.name}"], "deep": ["a": [["b": "${parameters.count}"]]], "n": 1]
        #expect(
            try ExpressionEvaluator.resolve(settings, in: Self.scope) == ["argv": ["touch", "/x/web1"], "deep": ["a": [["b": 3]]], "n": 1])
    }

    @Test func conditions() throws {
        #expect(try ExpressionEvaluator.isTrue("${parameters.full}", in: Self.scope))
        #expect(try !ExpressionEvaluator.isTrue("parameters.count == 4", in: Self.scope))
        #expect(throws: Explanation.self) { try ExpressionEvaluator.isTrue("${parameters.count}", in: Self.scope) }
        #expect(throws: Explanation.self) { try ExpressionEvaluator.isTrue("yes", in: Self.scope) }
    }

    @Test(arguments: ["(", "!", "lower(", "parameters[", "true && ("])
    func nestingIsBounded(_ opening: String) {
        let text = "${" + String(repeating: opening, count: 100_000) + "}"
        #expect(throws: Explanation.self) { try ExpressionEvaluator.resolve(.string(text), in: Self.scope) }
    }

    /// What is put into a text by an expression is not read as one again.
    @Test func valuesAreNotTemplates() throws {
        let scope = ExpressionScope(parameters: ["x": "${job.id}"], job: ["id": "j1"])
        #expect(try ExpressionEvaluator.resolve("${parameters.x} and ${parameters.x}", in: scope) == "${job.id} and ${job.id}")
    }
}

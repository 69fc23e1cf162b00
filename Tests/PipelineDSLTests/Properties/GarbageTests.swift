import FlowModel
import Basics
import Testing

@testable import PipelineDSL

/// Whatever comes in, an answer comes out: plans, or errors with a place in the text.
@Suite struct GarbageTests {
    private func check(_ bytes: [UInt8]) {
        let result = Compiler.compile([SourceText(name: "garbage", bytes: bytes)], catalog: .paper)
        let lines = bytes.count(where: { $0 == UInt8(ascii: "\n") }) + 1
        #expect(!result.hasErrors || result.plans.isEmpty)
        for diagnostic in result.diagnostics {
            // libyaml puts the end of the text on a line of its own.
            #expect((1...lines + 1).contains(diagnostic.mark.line))
            #expect(diagnostic.mark.column >= 1)
        }
        #expect(!DiagnosticRendering.text(result.diagnostics, colour: true).contains("\0"))
        _ = DiagnosticRendering.json(result.diagnostics).canonicalBytes
    }

    @Test func randomBytes() {
        var random = SplitMix(seed: 1)
        for _ in 0..<400 { check((0..<Int.random(in: 0..<300, using: &random)).map { _ in UInt8.random(in: 1...255, using: &random) }) }
    }

    @Test func randomWords() {
        let words = [
            "name", ":", " ", "\n", "  ", "- ", "{", "}", "[", "]", "steps", "copy", "home", "to", "${", "}", "\"", "'", "&a", "*a", "!!x",
            "#", ",",
            "systems", "type", "volume", "parallel", "after", "forEach", "when", "|", ">", "---\n", "...", "?", "<<", "~", "1", "0o7",
            "quiesce",
        ]
        var random = SplitMix(seed: 2)
        for _ in 0..<500 {
            let text = (0..<Int.random(in: 1..<40, using: &random)).map { _ in words.randomElement(using: &random) ?? "" }.joined()
            check(Array(text.utf8))
        }
    }

    /// A good document with a few bytes changed, taken away or doubled.
    @Test func damagedDocuments() {
        var random = SplitMix(seed: 3)
        let good = Array(ShuffledYAML.text(CompilerPropertyTests.document, using: &random).utf8)
        for _ in 0..<150 {
            var bytes = good
            for _ in 0..<Int.random(in: 1..<5, using: &random) {
                let at = Int.random(in: 0..<bytes.count - 20, using: &random)
                let length = Int.random(in: 1..<20, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[at] = UInt8.random(in: 9..<127, using: &random)
                case 1: bytes.removeSubrange(at..<at + length)
                default: bytes.insert(contentsOf: bytes[at..<at + length], at: at)
                }
            }
            check(bytes)
        }
    }

    /// Every value of a good document in turn replaced by one of another kind.
    @Test func wrongKindsEverywhere() {
        for wrong: JSONValue in [nil, -1, "${parameters.none}", [[]], ["fromEnv": "X"]] {
            for document in Self.replaced(CompilerPropertyTests.document, by: wrong) { check(document.canonicalBytes) }
        }
    }

    private static func replaced(_ value: JSONValue, by wrong: JSONValue) -> [JSONValue] {
        switch value {
        case .object(let members):
            [wrong]
                + members.flatMap { key, member in
                    replaced(member, by: wrong).map { new in .object(members.merging([key: new]) { _, new in new }) }
                }
        case .array(let elements):
            [wrong]
                + elements.indices.flatMap { index in
                    replaced(elements[index], by: wrong).map { new in
                        var elements = elements
                        elements[index] = new
                        return .array(elements)
                    }
                }
        default: [wrong]
        }
    }

    @Test func manyStepsCompile() throws {
        let steps = (0..<1500).map { "  - exec: [echo]\n    id: s\($0)\n" }.joined()
        let result = Compiling.result("name: many\nsteps:\n" + steps)
        #expect(try Compiling.only(result).steps.count == 1500)
    }
}

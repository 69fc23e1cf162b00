import StepKit
import Testing

/// What counts as a key of the engine's, in the names of what lies at a system.
@Suite struct HoldingTests {
    @Test(arguments: [
        ("sf-0123456789abcdef0123456789", true), ("sf-0123456789abcdef0123456789-0", true), ("sf-0123456789abcdef0123456789-12", true),
        ("sf-0123456789abcdef012345678", false), ("sf-0123456789ABCDEF0123456789", false), ("sf-0123456789abcdef0123456789-", false),
        ("sf-0123456789abcdef0123456789-x", false), ("sf-0123456789abcdef0123456789/..", false), ("", false), ("sf-", false),
    ])
    func aKeyIsWhatTheEngineGives(_ text: String, _ isKey: Bool) {
        #expect(Holding.isKey(text) == isKey)
        #expect(Holding.key(in: "a@\(text).image", after: "a@", before: ".image") == (isKey ? text : nil))
    }
}

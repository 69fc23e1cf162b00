import Basics
import Crypto
import FlowModel
import Testing

@testable import PipelineDSL

/// What holds for any document.
@Suite struct CompilerPropertyTests {
    static let document: JSONValue = [
        "name": "nightly", "labels": ["tier": "web", "site": "nyc1"],
        "parameters": ["sample": ["type": "percent", "default": "10%"], "marks": ["type": "list", "default": ["a", "b"]]],
        "schedule": ["cron": "15 2 * * *", "timeZone": "Europe/Berlin", "missed": "runOnce"],
        "objectives": ["rpo": "26h", "proof": ["level": "restore", "within": "7d"]],
        "systems": [
            "app": ["type": "application", "address": "app1", "password": ["fromEnv": "APP_PW"]],
            "data": ["type": "volume", "path": "/srv/data", "excludes": ["*.tmp", "cache"]],
            "logs": ["type": "volume", "path": "/srv/logs"],
        ],
        "repositories": [
            "near": ["type": "local", "path": "/backup/near", "password": ["fromFile": "/run/near.pw"]],
            "far": ["type": "local", "path": "/backup/far", "password": ["fromFile": "/run/far.pw"], "create": false],
        ],
        "limits": ["array": 2],
        "steps": [
            ["quiesce": "app", "maxHold": "60s"], ["snapshot": ["data", "logs"]],
            ["copy": "data", "to": ["near", "far"], "limits": ["array"], "retry": ["attempts": 5, "backoff": "10s", "maxBackoff": "5m"]],
            ["copy": "logs", "to": "near", "after": ["snapshot"]],
            ["verify": "copy-data-to-near", "read": "${parameters.sample}"],
            ["exec": ["argv": ["touch", "${item}"]], "id": "mark", "forEach": "${parameters.marks}"],
            ["prune": "near", "keep": ["last": 3, "daily": 7]],
        ],
    ]

    @Test func keyOrderAndRemarksChangeNothing() throws {
        var random = SplitMix(seed: 42)
        let plain = try Compiling.only(Compiling.result(Self.document.canonicalText))
        for _ in 0..<40 {
            let text = ShuffledYAML.text(Self.document, using: &random)
            let plan = try Compiling.only(Compiling.result(text))
            #expect(plan.id == plain.id, Comment(rawValue: text))
        }
    }

    @Test func theEnvelopeChangesNothing() throws {
        guard case .object(var spec) = Self.document else { return }
        let metadata: JSONValue = ["name": try #require(spec["name"]), "labels": try #require(spec["labels"])]
        spec["name"] = nil
        spec["labels"] = nil
        let kubernetes: JSONValue = ["apiVersion": "snappyflow.dev/v1", "kind": "Pipeline", "metadata": metadata, "spec": .object(spec)]
        let airship: JSONValue = ["schema": "snappy/Pipeline/v1", "metadata": metadata, "data": .object(spec)]
        let ids = try [Self.document, kubernetes, airship].map { try Compiling.only(Compiling.result($0.canonicalText)).id }
        #expect(Set(ids).count == 1)
    }

    @Test func standaloneDocumentsChangeNothing() throws {
        guard case .object(var spec) = Self.document, case .object(var near)? = spec["repositories"]?["near"],
            case .object(var repositories)? = spec["repositories"]
        else { return }
        let whole = try Compiling.only(Compiling.result(Self.document.canonicalText))
        repositories["near"] = nil
        spec["repositories"] = .object(repositories)
        near["kind"] = "Repository"
        near["name"] = "near"
        let apart = try Compiling.only(Compiling.result(JSONValue.object(spec).canonicalText, JSONValue.object(near).canonicalText))
        #expect(apart.id == whole.id)
    }

    @Test func whatIsMeantOtherwiseIsAnotherPlan() throws {
        let whole = try Compiling.only(Compiling.result(Self.document.canonicalText))
        for (old, new) in [("60s", "61s"), ("\"daily\":7", "\"daily\":8"), ("/srv/data", "/srv/date"), ("\"array\":2", "\"array\":3")] {
            let text = Self.document.canonicalText.replacing(old, with: new)
            #expect(text != Self.document.canonicalText)
            #expect(try Compiling.only(Compiling.result(text)).id != whole.id)
        }
        let sameTime = Self.document.canonicalText.replacing("60s", with: "1m")
        #expect(try Compiling.only(Compiling.result(sameTime)).id == whole.id)
    }

    @Test func everyStepComesAfterWhatItNeeds() throws {
        let plan = try Compiling.only(Compiling.result(Self.document.canonicalText))
        var seen: Set<StepID> = []
        for step in plan.steps {
            #expect(step.after.allSatisfy { seen.contains($0.step) })
            #expect(seen.insert(step.id).inserted)
            #expect(step.holds.map(\.resource) == step.holds.map(\.resource).sorted())
        }
        for step in plan.steps {
            if let undo = step.undoneBy { #expect(plan.step(undo)?.undoes == step.id) }
            if let undone = step.undoes { #expect(plan.step(undone)?.undoneBy == step.id) }
        }
        #expect(try JSONValue(parsing: plan.canonicalBytes).decoded(as: Plan.self) == plan)
    }
}

/// A small generator with a fixed seed (Steele, Lea, Flood: splitmix64), so that a failure comes again.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// A value as YAML in one of many spellings: keys in any order, block or flow, with remarks.
enum ShuffledYAML {
    static func text(_ value: JSONValue, using random: inout SplitMix) -> String { block(value, indent: 0, using: &random) }

    private static func block(_ value: JSONValue, indent: Int, using random: inout SplitMix) -> String {
        let pad = String(repeating: " ", count: indent)
        let remark = { (random: inout SplitMix) in Int.random(in: 0..<4, using: &random) == 0 ? "\(pad)# a remark: [${\n" : "" }
        switch value {
        case .object(let members) where !members.isEmpty:
            return members.sorted { $0.key < $1.key }.shuffled(using: &random).map { key, value in
                remark(&random) + pad + key + ":" + nested(value, indent: indent, using: &random)
            }.joined()
        case .array(let elements) where !elements.isEmpty:
            return elements.map { remark(&random) + pad + "-" + nested($0, indent: indent, using: &random) }.joined()
        default: return pad + flow(value, using: &random) + "\n"
        }
    }

    private static func nested(_ value: JSONValue, indent: Int, using random: inout SplitMix) -> String {
        let isCollection = (value.objectValue.map { !$0.isEmpty } ?? false) || (value.arrayValue.map { !$0.isEmpty } ?? false)
        guard isCollection, Bool.random(using: &random) else { return " " + flow(value, using: &random) + "  # here\n" }
        return "\n" + block(value, indent: indent + 2, using: &random)
    }

    private static func flow(_ value: JSONValue, using random: inout SplitMix) -> String {
        switch value {
        case .object(let members):
            "{"
                + members.sorted { $0.key < $1.key }.shuffled(using: &random).map { "\($0.key): \(flow($0.value, using: &random))" }
                .joined(separator: ", ") + "}"
        case .array(let elements): "[" + elements.map { flow($0, using: &random) }.joined(separator: ", ") + "]"
        default: value.canonicalText
        }
    }
}

import Basics
import FlowModel
import PipelineDSL
import Testing

@Suite struct PlanRenderingTests {
    /// A freeze, two snapshots, two copies side by side, a proof, a prune.
    static let plan = Plan(
        pipeline: "shop-nightly",
        parameters: ["sample": PlannedParameter(type: "percent", defaultValue: "10%"), "until": PlannedParameter(type: "string")],
        systems: [
            "shop": PlannedSystem(type: "command", contractVersion: 1, settings: [:], identity: "command:shop", host: "shop"),
            "files": PlannedSystem(type: "directory", contractVersion: 1, settings: [:], identity: "directory:/srv", host: "files"),
        ],
        repositories: [
            "vault": PlannedRepository(
                type: "local", contractVersion: 1, settings: [:], identity: "local:/v", password: .file("/pw"), create: true)
        ],
        steps: [
            PlannedStep(id: "quiesce-shop", verb: "quiesce", subject: .systems(["shop"]), window: "window-shop", undoneBy: "thaw-shop"),
            PlannedStep(
                id: "snapshot-files", verb: "snapshot", subject: .systems(["files"]), after: [.init(step: "quiesce-shop", reason: .order)],
                window: "window-shop", undoneBy: "release-files"),
            PlannedStep(
                id: "thaw-shop", verb: "thaw", subject: .systems(["shop"]),
                after: [.init(step: "quiesce-shop", reason: .guarded), .init(step: "snapshot-files", reason: .guarded)],
                window: "window-shop", undoes: "quiesce-shop"),
            PlannedStep(
                id: "copy-files", verb: "copy", subject: .systems(["files"]), settings: ["to": "vault", "tags": []],
                after: [.init(step: "quiesce-shop", reason: .order), .init(step: "snapshot-files", reason: .output)],
                retry: RetryPolicy(attempts: 5), snapshots: ["files": "snapshot-files"]),
            PlannedStep(
                id: "release-files", verb: "release", subject: .systems(["files"]),
                after: [.init(step: "copy-files", reason: .guarded), .init(step: "snapshot-files", reason: .guarded)],
                undoes: "snapshot-files"),
            PlannedStep(
                id: "mark", verb: "exec", settings: ["argv": ["touch", "a \"#1\"\nb"]],
                after: [.init(step: "snapshot-files", reason: .window)],
                when: "${parameters.until != ''}", timeout: .seconds(5), continueOnError: true, runOn: ["rack": "r1"]),
            PlannedStep(
                id: "verify-copy", verb: "verify", subject: .step("copy-files"), settings: ["read": "metadata", "restore": [:]],
                after: [.init(step: "copy-files", reason: .output)], undoneBy: "drop-copy"),
            PlannedStep(
                id: "drop-copy", verb: "drop", subject: .step("copy-files"), after: [.init(step: "verify-copy", reason: .guarded)],
                undoes: "verify-copy"),
            PlannedStep(
                id: "prune-vault", verb: "prune", subject: .repository("vault"),
                settings: ["keep": ["last": 3, "daily": 7, "tags": []], "reclaimEvery": "7d"],
                after: [.init(step: "verify-copy", reason: .order)]),
            PlannedStep(id: "ask", verb: "approve", settings: ["by": ["ops", "dba"]]),
        ],
        windows: [
            PlannedWindow(id: "window-shop", members: ["quiesce-shop", "snapshot-files"], thaws: ["thaw-shop"], maxHold: .seconds(20))
        ])

    static let id = PlanID(rawValue: String(repeating: "0123456789abcdef", count: 4))

    @Test func tree() {
        #expect(
            PlanRendering.tree(Self.plan, id: Self.id) == """
                shop-nightly  (plan 0123456789ab)
                │  parameters: sample = 10%, until (string, to be given)
                ├─ ❄ window-shop      frozen for 20s at most
                │  ├─ quiesce-shop    shop (command)
                │  ├─ snapshot-files  files (directory)
                │  └─ ↺ thaw-shop     undoes quiesce-shop once snapshot-files has ended
                ├─ copy-files         files (directory), to vault; reads snapshot-files; 5 attempts
                ├─ ↺ release-files    undoes snapshot-files once copy-files has ended
                ├─ mark               touch a "#1" b; when ${parameters.until != ''}; 5s at most; may fail; on rack=r1; after snapshot-files
                ├─ verify-copy        of copy-files, read metadata, restore; after copy-files
                │  └─ ↺ drop-copy     undoes verify-copy once it has ended
                ├─ prune-vault        vault (local), keep daily 7, last 3
                └─ ask                by ops dba; starts at once

                ↺ runs whatever happens: success, failure, cancel, a lost worker
                """)
    }

    @Test func mermaid() {
        #expect(
            PlanRendering.mermaid(Self.plan) == """
                flowchart TD
                    subgraph w0 ["window-shop: frozen for 20s at most"]
                        s0["quiesce-shop"]
                        s1["snapshot-files"]
                        s2(["↺ thaw-shop"])
                    end
                    s3["copy-files"]
                    s4(["↺ release-files"])
                    s5["mark"]
                    s6["verify-copy"]
                    s7(["↺ drop-copy"])
                    s8["prune-vault"]
                    s9["ask"]
                    s0 --> s1
                    s1 -.-> s2
                    s1 -- output --> s3
                    s3 -.-> s4
                    s1 --> s5
                    s3 -- output --> s6
                    s6 -.-> s7
                    s6 --> s8
                """)
    }

    @Test func dot() {
        #expect(
            PlanRendering.dot(Self.plan) == """
                digraph "shop-nightly" {
                    rankdir=TB;
                    node [shape=box];
                    subgraph cluster_0 {
                        label="window-shop: frozen for 20s at most";
                        style=filled; color=lightblue;
                        s0 [label="quiesce-shop"];
                        s1 [label="snapshot-files"];
                        s2 [label="↺ thaw-shop", style="rounded,dashed"];
                    }
                    s3 [label="copy-files"];
                    s4 [label="↺ release-files", style="rounded,dashed"];
                    s5 [label="mark"];
                    s6 [label="verify-copy"];
                    s7 [label="↺ drop-copy", style="rounded,dashed"];
                    s8 [label="prune-vault"];
                    s9 [label="ask"];
                    s0 -> s1;
                    s1 -> s2 [style=dashed];
                    s1 -> s3 [label=output];
                    s3 -> s4 [style=dashed];
                    s1 -> s5;
                    s3 -> s6 [label=output];
                    s6 -> s7 [style=dashed];
                    s6 -> s8;
                }
                """)
    }

    /// Names are plain, but a plan may come from elsewhere: nothing in it ends a text early.
    @Test func quotesAndBackslashes() {
        let plan = Plan(pipeline: "a\"b\\c", steps: [PlannedStep(id: "x\"#y\\", verb: "exec")])
        #expect(PlanRendering.mermaid(plan) == "flowchart TD\n    s0[\"x#quot;#35;y\\\"]")
        #expect(PlanRendering.dot(plan).hasPrefix("digraph \"a\\\"b\\\\c\" {"))
        #expect(PlanRendering.dot(plan).contains("label=\"x\\\"#y\\\\\""))
    }

    @Test func jsonHoldsThePlan() throws {
        let json = try JSONValue(parsing: Array(PlanRendering.json(Self.plan, id: Self.id).utf8))
        #expect(json["id"]?.stringValue == Self.id.rawValue)
        #expect(try json["plan"]?.decoded(as: Plan.self) == Self.plan)
    }

    @Test func aPlanOfThousandsOfStepsIsDrawn() {
        let steps = (0..<5000).map { index in
            PlannedStep(
                id: StepID("step-\(index)"), verb: "exec",
                after: index == 0 ? [] : [.init(step: StepID("step-\(index - 1)"), reason: .order)])
        }
        let tree = PlanRendering.tree(Plan(pipeline: "long", steps: steps), id: Self.id)
        #expect(tree.split(separator: "\n").count == 5001)
        #expect(tree.hasSuffix("└─ step-4999"))
    }
}

import Basics
import Crypto
import FlowModel
import Testing

@testable import PipelineDSL

@Suite struct RenderingTests {
    private static let nightly: Plan = {
        guard let plan = Compiling.result(steps: CompilerTests.nightly).plans.first else {
            preconditionFailure("the nightly pipeline compiles")
        }
        return plan.plan
    }()

    @Test func tree() {
        let text = PlanRendering.tree(Self.nightly, id: PlanID(rawValue: "0123456789abcdef"))
        #expect(
            text == """
                nightly  (plan 0123456789ab)
                ├─ ❄ window-app      frozen for 30s at most
                │  ├─ quiesce-app    app (application)
                │  ├─ snapshot-data  data (volume)
                │  └─ ↺ thaw-app     undoes quiesce-app once snapshot-data has ended
                ├─ copy-data         data (volume), to near; reads snapshot-data; 5 attempts
                ├─ ↺ release-data    undoes snapshot-data once copy-data has ended
                ├─ verify-copy       of copy-data, read metadata, restore
                │  └─ ↺ drop-copy    undoes verify-copy once it has ended
                └─ prune-near        near (local), keep last 3

                ↺ runs whatever happens: success, failure, cancel, a lost worker
                """)
    }

    @Test func mermaid() {
        let text = PlanRendering.mermaid(Self.nightly)
        for line in [
            "flowchart TD", "    subgraph w0 [\"window-app: frozen for 30s at most\"]", "        s2([\"↺ thaw-app\"])", "    s0 --> s1",
            "    s1 -.-> s2", "    s1 -- output --> s3",
        ] {
            #expect(text.split(separator: "\n").contains(Substring(line)), Comment(rawValue: text))
        }
    }

    @Test func dot() {
        let text = PlanRendering.dot(Self.nightly)
        for line in [
            "digraph \"nightly\" {", "    subgraph cluster_0 {", "    s1 -> s2 [style=dashed];", "    s1 -> s3 [label=output];", "}",
        ] {
            #expect(text.split(separator: "\n").contains(Substring(line)), Comment(rawValue: text))
        }
    }

    @Test func json() throws {
        let json = try JSONValue(parsing: PlanRendering.json(Self.nightly, id: Self.nightly.id).utf8)
        let read = try #require(json["plan"]).decoded(as: Plan.self)
        #expect(read == Self.nightly && json["id"]?.stringValue == read.id.rawValue)
    }
}

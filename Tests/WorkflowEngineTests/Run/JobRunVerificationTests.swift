import FlowModel
import Basics
import StepKit
import Testing

@testable import WorkflowEngine

@Suite struct JobRunVerificationTests {
    @Test func aBadVerificationFailsForGoodAndItsProofIsKept() {
        var hand = Hand(RunDefinition(steps: [.work("verify", attempts: 3)]))
        hand.start("verify")
        let proof = Proof(repositoryID: "r", snapshotID: "s", level: .all, isGood: false)
        let finished = FinishedStep(outputs: ["level": "all"], proofs: [proof], failure: .test(.permanent))
        let actions = hand.send(.finish("verify", token: hand.token("verify"), finished))
        #expect(actions.contains(.proofRecorded(proof, by: "verify")))
        #expect(hand.state("verify") == .failed)
        #expect(hand.run["verify"]?.outputs["level"] == "all")
        #expect(hand.run["verify"]?.error == .test(.permanent))
        #expect(hand.run.job.outcome == .failed)
    }
}

import Basics
import Expressions
import FlowModel
import Testing

@testable import WorkflowEngine

@Suite struct PlannedStepsTests {
    private var plan: Plan {
        Plan(
            pipeline: "test",
            steps: [
                .work("list"),
                .work("take", after: ["list"], undoneBy: "drop", window: "w", forEach: FanOut(items: "${list.names}")),
                .undo("drop", of: "take", after: ["take"], window: "w"),
                .work("known", forEach: FanOut(items: ["a", "b"], maxParallel: 1)),
            ],
            windows: [PlannedWindow(id: "w", members: ["take"], thaws: ["drop"], maxHold: .seconds(9))])
    }

    private func members(_ id: StepID, _ items: [JSONValue]) throws -> [PlannedStep] {
        let step = try #require(plan.step(id))
        return FanOutExpansion.members(of: step, undo: step.undoneBy.flatMap { plan.step($0) }, items: items)
    }

    @Test func thePlanAndItsFanOutsMembersAreAllThereMayBe() throws {
        let check = PlannedSteps(plan: plan)
        var definition = RunDefinition(steps: plan.steps, windows: plan.windows)
        #expect(check.problem(definition) == nil)
        let taken = try members("take", ["x", "x", ["object": 1], 7, nil])
        definition.steps += taken + (try members("known", ["b", "a"]))
        definition.windows[0].members += taken.filter { !$0.isCompensation }.map(\.id)
        definition.windows[0].thaws += taken.filter(\.isCompensation).map(\.id)
        #expect(check.problem(definition) == nil)
        // As they are read back.
        #expect(check.problem(try JSONValue(encoding: definition).decoded(as: RunDefinition.self)) == nil)

        func refused(_ change: (inout RunDefinition) throws -> Void) rethrows {
            var other = definition
            try change(&other)
            #expect(check.problem(other) != nil)
        }
        refused { $0.steps[0].settings = ["argv": ["sh"]] }
        refused { $0.steps.removeFirst() }
        refused { $0.steps[4].settings = ["argv": ["sh"]] }
        refused { $0.steps[5].settings = ["argv": ["sh"]] }
        refused { $0.steps[4].id = "take" }
        refused { $0.steps[4].secrets = [.environment("HOME")] }
        refused { $0.steps.append(.work("list[x]")) }
        refused { $0.steps.append(.work("new")) }
        try refused { $0.steps += try members("known", ["c"]) }
        refused { $0.windows[0].maxHold = .seconds(10) }
        refused { $0.windows[0].members.append("known") }
        refused { $0.windows = [] }
    }
}

import Basics
import FlowModel

@testable import WorkflowEngine

/// A random plan of blocks as the compiler makes them: plain steps, windows with copies, steps with a scratch system, fan-outs.
struct RandomPlan {
    var definition = RunDefinition(steps: [])
    /// Which acquiring step's resource a step reads.
    var reads: [StepID: StepID] = [:]
    /// The quiesces under which a snapshot must be taken.
    var frozenFor: [StepID: [StepID]] = [:]
    /// Steps that acquire what one host alone can undo and read.
    var hostBound: Set<StepID> = []
    var approvals: Set<StepID> = []
    private var count = 0

    static func make(using random: inout RandomNumbers) -> RandomPlan {
        var plan = RandomPlan()
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<3: plan.addPlain(&random)
            case 3..<7: plan.addWindow(&random)
            case 7: plan.addScratch(&random)
            case 8: plan.addFanOut(&random)
            default: plan.addApproval(&random)
            }
        }
        return plan
    }

    private mutating func name(_ word: String) -> StepID {
        count += 1
        return StepID("\(word)\(count)")
    }

    private var works: [StepID] { definition.steps.filter { !$0.isCompensation && $0.window == nil }.map(\.id) }

    private func earlier(_ random: inout RandomNumbers) -> [StepID] {
        guard !works.isEmpty, random.chance(70) else { return [] }
        return Array(Set((0..<Int.random(in: 1...2, using: &random)).compactMap { _ in random.pick(works) })).sorted()
    }

    private mutating func addPlain(_ random: inout RandomNumbers) {
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            definition.steps.append(
                .work(
                    name("plain"), after: earlier(&random), reason: random.chance(50) ? .order : .output,
                    attempts: Int.random(in: 1...3, using: &random), continueOnError: random.chance(30),
                    timeout: random.chance(20) ? .seconds(5) : nil))
        }
    }

    private mutating func addApproval(_ random: inout RandomNumbers) {
        let id = name("approve")
        definition.steps.append(.work(id, after: earlier(&random)))
        approvals.insert(id)
    }

    private mutating func addScratch(_ random: inout RandomNumbers) {
        let id = name("verify")
        let drop = name("drop")
        definition.steps.append(.work(id, after: earlier(&random), undoneBy: drop))
        definition.steps.append(.undo(drop, of: id, after: [id]))
    }

    private mutating func addFanOut(_ random: inout RandomNumbers) {
        let id = name("each")
        let width = random.chance(50) ? 1 : nil
        definition.steps.append(
            .work(
                id, after: earlier(&random), continueOnError: random.chance(30),
                forEach: FanOut(items: "${steps.x.items}", maxParallel: width)))
    }

    private mutating func addWindow(_ random: inout RandomNumbers) {
        let window = name("window").rawValue
        let before = earlier(&random)
        let attempts = Int.random(in: 1...3, using: &random)
        var members: [StepID] = []
        var thaws: [StepID] = []
        var quiesces: [StepID] = []
        var pairs: [(quiesce: StepID, thaw: StepID)] = []
        var last = before
        for _ in 0..<Int.random(in: 1...2, using: &random) {
            let quiesce = name("quiesce")
            let thaw = name("thaw")
            definition.steps.append(.work(quiesce, after: last, attempts: attempts, undoneBy: thaw, window: window))
            pairs.append((quiesce, thaw))
            quiesces.append(quiesce)
            thaws.append(thaw)
            members.append(quiesce)
            if random.chance(70) { last = [quiesce] }
        }
        var snapshots: [(id: StepID, release: StepID)] = []
        for _ in 0..<Int.random(in: 1...2, using: &random) {
            let snapshot = name("snapshot")
            let release = name("release")
            definition.steps.append(.work(snapshot, after: quiesces, attempts: attempts, undoneBy: release, window: window))
            snapshots.append((snapshot, release))
            members.append(snapshot)
            frozenFor[snapshot] = quiesces
        }
        for pair in pairs { definition.steps.append(.undo(pair.thaw, of: pair.quiesce, after: members, window: window)) }
        for snapshot in snapshots {
            let attached = random.chance(40) ? addAttachment(of: snapshot.id, members, &random) : nil
            var users: [StepID] = []
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                let copy = name("copy")
                definition.steps.append(
                    .work(
                        copy, after: (random.chance(50) ? members : [snapshot.id]) + (attached.map { [$0.attach] } ?? []), reason: .output,
                        attempts: Int.random(in: 1...2, using: &random), continueOnError: random.chance(20)))
                reads[copy] = attached?.attach ?? snapshot.id
                users.append(copy)
            }
            if let attached {
                definition.steps.append(.undo(attached.detach, of: attached.attach, after: [attached.attach] + users))
                users += [attached.attach, attached.detach]
            }
            definition.steps.append(.undo(snapshot.release, of: snapshot.id, after: [snapshot.id] + users))
        }
        definition.windows.append(PlannedWindow(id: window, members: members, thaws: thaws, maxHold: .seconds(20)))
    }
    /// What copies read instead of the snapshot itself.
    private mutating func addAttachment(of snapshot: StepID, _ members: [StepID], _ random: inout RandomNumbers) -> (
        attach: StepID, detach: StepID
    ) {
        let (attach, detach) = (name("attach"), name("detach"))
        definition.steps.append(
            .work(attach, after: members, reason: .output, attempts: Int.random(in: 1...2, using: &random), undoneBy: detach))
        reads[attach] = snapshot
        hostBound.insert(attach)
        return (attach, detach)
    }
}

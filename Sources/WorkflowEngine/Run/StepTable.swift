import FlowModel
import Basics

/// The rows of a job's steps by index, in blocks that copies share: what a copy costs, and how two are compared, goes by what was changed and not by
/// how many steps the job has. Which steps are in which state is kept with every change.
struct StepTable: Sendable, RandomAccessCollection {
    private static let shift = 5
    private static let mask = 1 << shift - 1

    private var blocks: [[StepRun]] = []
    private(set) var endIndex = 0
    var startIndex: Int { 0 }

    /// The states that rules look for.
    private(set) var pending = StepIndices()
    private(set) var ready = StepIndices()
    private(set) var running = StepIndices()
    private(set) var waiting = StepIndices()
    /// Not ended.
    private(set) var open = StepIndices()
    /// Ended, but for those that succeeded.
    private(set) var missed = StepIndices()
    /// Compensations that owe something.
    private(set) var armed = StepIndices()
    /// Given up by a person.
    private(set) var abandoned = StepIndices()
    /// Written to since `forgetChanges`.
    private(set) var changed = StepIndices()

    init(_ rows: [StepRun]) {
        for row in rows { append(row) }
        forgetChanges()
    }

    mutating func append(_ row: StepRun) {
        if endIndex & Self.mask == 0 {
            blocks.append([])
            blocks[blocks.count - 1].reserveCapacity(1 << Self.shift)
        }
        blocks[blocks.count - 1].append(row)
        endIndex += 1
        note(endIndex - 1)
    }

    mutating func forgetChanges() { changed = StepIndices() }

    subscript(index: Int) -> StepRun {
        get { blocks[index >> Self.shift][index & Self.mask] }
        _modify {
            defer { note(index) }
            yield &blocks[index >> Self.shift][index & Self.mask]
        }
    }

    private mutating func note(_ index: Int) {
        let (state, skipped, owes) = {
            ($0.state, $0.skipped, $0.armed != nil)
        }(blocks[index >> Self.shift][index & Self.mask])
        pending.set(index, state == .pending)
        ready.set(index, state == .ready)
        running.set(index, state == .running)
        waiting.set(index, state == .waiting)
        open.set(index, !state.isTerminal)
        missed.set(index, state.isTerminal && state != .succeeded)
        armed.set(index, owes)
        abandoned.set(index, skipped == .abandoned)
        changed.insert(index)
    }

    /// Where it differs from an earlier one, which may be shorter; in order.
    func differences(from old: StepTable) -> [Int] {
        var found: [Int] = []
        for block in blocks.indices {
            // One that both share is equal without a look at its rows.
            if block < old.blocks.count, blocks[block] == old.blocks[block] { continue }
            let first = block << Self.shift
            for index in first..<Swift.min(first + 1 << Self.shift, endIndex) where index >= old.endIndex || self[index] != old[index] {
                found.append(index)
            }
        }
        return found
    }
}

extension StepTable: Hashable {
    static func == (left: StepTable, right: StepTable) -> Bool { left.blocks == right.blocks }
    func hash(into hasher: inout Hasher) { hasher.combine(blocks) }
}

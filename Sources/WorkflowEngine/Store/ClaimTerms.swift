import Basics
import FlowModel

/// What a ready step asks of who claims it, as columns of its row: a pure function of the plan.
struct ClaimTerms: Sendable, Hashable {
    /// A named resource that must be free.
    struct Want: Sendable, Hashable, Codable {
        var resource: String
        var mode: Hold.Mode
        /// For counted ones: how many holders at once.
        var capacity: Int?
    }
    var workClass: WorkClass
    var priority: Int
    var labels: [String]
    var wants: [Want]

    init(_ step: PlannedStep, limits: [String: Int]) {
        workClass = step.isCompensation ? .undo : step.workClass
        priority = min(max(step.priority, -1_000_000), 1_000_000)
        labels = Self.labels(step.runOn)
        // An undo passes every limit: it gives back what the job holds.
        wants = step.isCompensation ? [] : Self.strongest(step.holds, limits: limits)
    }

    static func labels(_ labels: [String: String]) -> [String] { labels.map { "\($0.key)=\($0.value)" }.sorted() }

    /// As documents have it at most: the claim looks for a free one of so many.
    private static let mostHolders = 100_000

    /// One want a resource, in the order of names.
    static func strongest(_ holds: [Hold], limits: [String: Int]) -> [Want] {
        var wants: [String: Want] = [:]
        for hold in holds where wants[hold.resource]?.mode != .exclusive {
            let name = hold.resource.hasPrefix("limit/") ? String(hold.resource.dropFirst("limit/".count)) : hold.resource
            wants[hold.resource] = Want(
                resource: hold.resource, mode: hold.mode,
                capacity: hold.mode == .counted ? min(max(limits[name] ?? 1, 1), mostHolders) : nil)
        }
        return wants.values.sorted { $0.resource < $1.resource }
    }
}

/// Who a row of `holds` belongs to.
extension HoldOwner {
    var text: String {
        switch self {
        case .step(let id): "step:\(id)"
        case .window(let id): "window:\(id)"
        }
    }
}

import Basics
import FlowModel
import StepKit
import WorkflowEngine

/// Where a running step is, as it last said.
public struct ProgressDetail: Sendable, Hashable, Codable {
    public var bytesDone: Int64
    /// Nil when unknown.
    public var bytesTotal: Int64?
    public var itemsDone: Int64
    public var itemsTotal: Int64?
    /// What it is at, for people.
    public var current: String
    /// When it said so.
    public var at: Timestamp
    /// On average since the attempt began. Nil before there is anything to go by.
    public var bytesPerSecond: Double?
    /// At that rate. Nil where the rate or the total is unknown.
    public var secondsLeft: Double?

    init(_ saved: SavedProgress, since start: Instant?) {
        bytesDone = saved.state.bytesDone
        bytesTotal = saved.state.bytesTotal
        itemsDone = saved.state.itemsDone
        itemsTotal = saved.state.itemsTotal
        current = saved.state.current
        at = Timestamp(saved.at)
        let seconds = start.map { (at - Timestamp($0)).seconds } ?? 0
        guard bytesDone > 0, seconds > 0 else { return }
        let rate = Double(bytesDone) / seconds
        bytesPerSecond = rate
        if let bytesTotal, bytesTotal >= bytesDone { secondsLeft = (Double(bytesTotal) - Double(bytesDone)) / rate }
    }
}

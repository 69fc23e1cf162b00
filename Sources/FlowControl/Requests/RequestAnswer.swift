public import Basics
import FlowModel

/// What came of something that was asked of a job.
public struct RequestAnswer: Sendable, Hashable, Codable {
    public var job: JobID
    /// False: it was so already, and nothing was done.
    public var isChanged: Bool

    public init(job: JobID, isChanged: Bool) {
        self.job = job
        self.isChanged = isChanged
    }
}

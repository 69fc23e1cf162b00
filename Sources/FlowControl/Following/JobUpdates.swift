public import Basics
import FlowModel

extension FlowControl {
    /// The job's updates: the first as it is now, the last when it is settled, with every event of its journal up to then in one of them. Nothing is asked of
    /// the database but by who asks for the next one. Throws `no-such-job`, and `database-away` after the pace's patience.
    public func follow(_ job: JobID, pace: FollowPace = FollowPace()) -> JobUpdates { JobUpdates(control: self, job: job, pace: pace) }
}

/// See `FlowControl.follow`. Each iteration follows the job anew, from the beginning of its journal.
public struct JobUpdates: AsyncSequence, Sendable {
    public typealias Element = JobUpdate

    let control: FlowControl
    let job: JobID
    let pace: FollowPace

    public struct AsyncIterator: AsyncIteratorProtocol {
        let follower: JobFollower

        public mutating func next() async throws -> JobUpdate? { try await follower.next() }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(follower: JobFollower(control, job, pace)) }
}

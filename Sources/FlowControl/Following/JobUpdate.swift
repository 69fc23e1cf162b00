/// What is new of a job that is followed.
public struct JobUpdate: Sendable {
    /// As it is now. What stands still (`stalled`) is not asked for: the journal's alarms tell of it.
    public var job: JobDetail
    /// Those that were not in an update before, in their order.
    public var events: [JobEvent]
}

public import Basics
import FlowModel
public import WorkflowEngine

/// How closely a job is followed.
public struct FollowPace: Sendable {
    /// From the call to the first look: looking on must not make the work wait, which begins just then.
    public var begin: Duration
    /// Between two looks, where nothing is heard earlier.
    public var look: Duration
    /// True: every look gives an update, whether or not anything is new; for who shows durations, or waits for news only so long.
    public var givesEveryLook: Bool
    /// How long a database that is away is waited for.
    public var patience: TimeSpan
    /// Raised at the job's end by who runs it in this process; nil: the database is listened to.
    public var end: WakeSignal?

    public init(
        begin: Duration = .zero, look: Duration = .seconds(1), givesEveryLook: Bool = false, patience: TimeSpan = .seconds(60),
        end: WakeSignal? = nil
    ) {
        self.begin = begin
        self.look = look
        self.givesEveryLook = givesEveryLook
        self.patience = patience
        self.end = end
    }
}

import Dispatch
import Synchronization

/// What one thread makes and others wait for: nobody makes it twice, and all share its error.
public final class SharedResult<Value: Sendable, Failure: Error>: Sendable {
    private let outcome = Mutex<Result<Value, Failure>?>(nil)
    /// Left when there is an outcome.
    private let underWay = DispatchGroup()

    public init() { underWay.enter() }

    /// Makes it, here and now; called once.
    public func make(_ body: () throws(Failure) -> Value) -> Result<Value, Failure> {
        let made = Result(catching: body)
        outcome.withLock { $0 = made }
        underWay.leave()
        return made
    }

    /// Blocks until it is made.
    public func wait() throws(Failure) -> Value {
        underWay.wait()
        guard let made = outcome.withLock({ $0 }) else { preconditionFailure("waited for something that nobody has made") }
        return try made.get()
    }
}

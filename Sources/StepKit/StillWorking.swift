/// The word of a body that takes long: somebody may be waiting with a limit on how long nothing moves. A body of one call that goes through
/// very many things says it at each; it costs next to nothing.
///
/// An object and not the closure itself: a task-local closure crashes when it is optimised (Swift 6.3.1).
public final class StillWorking: Sendable {
    private let report: @Sendable () -> Void

    public init(_ report: @escaping @Sendable () -> Void) { self.report = report }

    /// Something moved. From any thread.
    public func say() { report() }

    /// Set by whoever has such a limit.
    @TaskLocal public static var current: StillWorking?
}

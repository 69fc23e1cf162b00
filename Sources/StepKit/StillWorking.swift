/// The word of a body that takes long: somebody may be waiting with a limit on how long nothing moves. A body of one call that goes through
/// very many things says it at each; it costs next to nothing.
public enum StillWorking {
    /// Set by whoever has such a limit.
    @TaskLocal public static var report: (@Sendable () -> Void)?
}

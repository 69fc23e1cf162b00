import Synchronization

/// Raised by whoever cancels, read by libcurl's progress callback.
final class StopSign: Sendable {
    let raised = Atomic(false)
}

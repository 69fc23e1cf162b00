public import Basics
import FlowModel

/// Where the instances of a type live.
public enum Isolation: Sendable {
    /// In the worker's process.
    case worker
    /// In a child process of it: what hangs or crashes there costs a call, and no worker. `timeout` is how long an answer is waited for there, by its
    /// settings; the child is given some more.
    case child(because: Reason, timeout: @Sendable (Settings) throws -> TimeSpan)

    /// What could take the worker with it.
    public enum Reason: String, Sendable, Hashable {
        /// It runs code of a library that this program is not made of.
        case nativeLibrary = "native-library"
        /// Who asks its files may wait in the kernel for ever.
        case mountMayHang = "mount-may-hang"
        /// It is a program of its own.
        case foreignProgram = "foreign-program"
    }

    /// Nil for one that lives in the worker.
    public var reason: Reason? {
        switch self {
        case .worker: nil
        case .child(let reason, _): reason
        }
    }
}

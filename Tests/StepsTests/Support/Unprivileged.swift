import Basics
import Foundation
import Glibc
import StorageKit

/// Runs calls on a thread that may do no more than any user: root's capabilities are a thread's own (capabilities(7)). Whoever is no root is one anyway.
enum Unprivileged {
    private typealias CapabilityCall = @convention(c) (UnsafeMutableRawPointer, UnsafeMutableRawPointer) -> Int32

    static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(
                    with: Result {
                        try drop()
                        return try body()
                    })
            }
        }
    }

    /// Of the calling thread, which ends afterwards.
    private static func drop() throws {
        guard geteuid() == 0 else { return }
        guard let symbol = dlsym(nil, "capset") else { throw StageError(text: "no capset(2)") }
        let set = unsafeBitCast(symbol, to: CapabilityCall.self)
        // Version 3, this thread; effective, permitted and inheritable, twice: none.
        var (header, data) = ([0x2008_0522, 0] as [UInt32], [UInt32](repeating: 0, count: 6))
        guard set(&header, &data) == 0 else { throw StorageError(.failed, expected: "capset", found: "\(errno)", at: "this thread") }
    }
}

import CLibCurl
import Synchronization

/// libcurl's handles that nobody uses just now. Each keeps its connections, TLS sessions and resolved names.
final class HandleCache: Sendable {
    private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// A handle that goes from thread to thread, used by one at a time.
    private struct Handle: @unchecked Sendable {
        let pointer: UnsafeMutableRawPointer
    }
    private let idle = Mutex<[Handle]>([])

    /// Hands `body` a handle with nothing set; nil when libcurl can't make one.
    func lend<Value>(_ body: (UnsafeMutableRawPointer?) throws -> Value) rethrows -> Value {
        guard Self.isReady, let handle = idle.withLock({ $0.popLast() }) ?? curl_easy_init().map(Handle.init) else { return try body(nil) }
        defer {
            curl_easy_reset(handle.pointer)
            idle.withLock { $0.append(handle) }
        }
        return try body(handle.pointer)
    }

    deinit { for handle in idle.withLock({ $0 }) { curl_easy_cleanup(handle.pointer) } }
}

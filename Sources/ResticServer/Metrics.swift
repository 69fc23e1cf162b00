import ServerKit
import Synchronization

/// What was done so far.
final class Metrics: Sendable {
    private struct Counts {
        var requests: [String: Int] = [:]
        var errors: [Refusal.Kind: Int] = [:]
        var bytesIn: Int64 = 0
        var bytesOut: Int64 = 0
        var stored: [ObjectKind: Int] = [:]
        var removed: [ObjectKind: Int] = [:]
    }
    private let counts = Mutex(Counts())

    func request(_ method: String, _ status: UInt, bytesIn: Int64, bytesOut: Int64) {
        // What a client invents as a method is no label.
        let method = ["GET", "HEAD", "POST", "DELETE"].contains(method) ? method : "other"
        counts.withLock {
            $0.requests["method=\"\(method)\",status=\"\(status)\"", default: 0] += 1
            $0.bytesIn += bytesIn
            $0.bytesOut += bytesOut
        }
    }
    func refused(_ kind: Refusal.Kind) { counts.withLock { $0.errors[kind, default: 0] += 1 } }
    func stored(_ kind: ObjectKind) { counts.withLock { $0.stored[kind, default: 0] += 1 } }
    func removed(_ kind: ObjectKind) { counts.withLock { $0.removed[kind, default: 0] += 1 } }

    func text(connections: Int, used: Int64?) -> String {
        let counts = counts.withLock { $0 }
        var text = MetricsText(prefix: "snappy_flow_rest_")
        text.add(
            "requests_total", .counter, "Requests by method and status.",
            counts.requests.sorted { $0.key < $1.key }.map { ($0.key, Int64($0.value)) })
        text.add("received_bytes_total", .counter, "Bytes of bodies that came.", [("", counts.bytesIn)])
        text.add("sent_bytes_total", .counter, "Bytes of bodies that went.", [("", counts.bytesOut)])
        text.add(
            "objects_stored_total", .counter, "Objects stored, by kind.",
            ObjectKind.allCases.map { ("kind=\"\($0.rawValue)\"", Int64(counts.stored[$0] ?? 0)) })
        text.add(
            "objects_removed_total", .counter, "Objects removed, by kind.",
            ObjectKind.allCases.map { ("kind=\"\($0.rawValue)\"", Int64(counts.removed[$0] ?? 0)) })
        text.add(
            "errors_total", .counter, "Requests refused, by reason.",
            Refusal.Kind.allCases.map { ("reason=\"\($0.rawValue)\"", Int64(counts.errors[$0] ?? 0)) })
        text.add("connections", .gauge, "Connections open now.", [("", Int64(connections))])
        if let used { text.add("used_bytes", .gauge, "Bytes that all repositories hold.", [("", used)]) }
        return text.text
    }
}

/// Metrics as Prometheus reads them (prometheus.io, "Text-based format").
public struct MetricsText: Sendable {
    public enum Kind: String, Sendable { case counter, gauge }

    /// Version 0.0.4 of the format.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    public private(set) var text = ""
    private let prefix: String

    /// `prefix`: what the names of all metrics begin with, as `snappy_flow_rest_`.
    public init(prefix: String) { self.prefix = prefix }

    /// `labels`: `reason="late"`, or nothing where there is one value alone. Their values must need no escaping.
    public mutating func add(_ name: String, _ kind: Kind, _ help: String, _ values: [(labels: String, value: Int64)]) {
        text += "# HELP \(prefix)\(name) \(help)\n# TYPE \(prefix)\(name) \(kind.rawValue)\n"
        for (labels, value) in values { text += "\(prefix)\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(value)\n" }
    }
}

public import FlowModel

/// What the store refuses. Errors of the connection pass through as they are.
public struct StoreError: ExplainedError, Sendable, Hashable {
    public var code: String
    public var expected: String
    public var found: String
    public var location: String
    public var advice: String
    public var retry: Retryability

    init(_ code: String, expected: String, found: String, at location: String, advice: String = "", retry: Retryability = .permanent) {
        self.code = code
        self.expected = expected
        self.found = found
        self.location = location
        self.advice = advice
        self.retry = retry
    }

    /// The program is older than the tables.
    static func schemaTooNew(_ version: Int, latest: Int = Migrator().latest) -> StoreError {
        StoreError(
            "schema-too-new", expected: "a database schema of version \(latest) or older",
            found: "version \(version), made by a newer snappy-flow",
            at: "database", advice: "use the newer snappy-flow, or let it take the schema back with `db migrate --to \(latest)`")
    }

    static func noJob(_ job: JobID) -> StoreError {
        StoreError(
            "no-such-job", expected: "a job", found: "none", at: "job \(job)", advice: "see `snappy-flow jobs list`")
    }
}

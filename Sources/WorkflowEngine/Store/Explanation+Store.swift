import Basics

/// What the store refuses. Errors of the connection pass through as they are.
extension Explanation {
    /// The program is older than the tables.
    static func schemaTooNew(_ version: Int, latest: Int = Migrator().latest) -> Explanation {
        Explanation(
            .schemaTooNew, expected: "a database schema of version \(latest) or older",
            found: "version \(version), made by a newer snappy-flow",
            at: "database", advice: "use the newer snappy-flow, or let it take the schema back with `db migrate --to \(latest)`")
    }

    static func noJob(_ job: JobID) -> Explanation {
        Explanation(
            .noSuchJob, expected: "a job", found: "none", at: "job \(job)", advice: "see `snappy-flow jobs list`")
    }
}

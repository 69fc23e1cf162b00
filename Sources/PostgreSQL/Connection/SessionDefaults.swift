/// What a session of ours relies on. It is said when the session begins, and so stands over whatever the server's configuration, the database or the
/// role has as its default (PostgreSQL manual 20.1): a default that suits interactive users must not end a backup, or change what it reads.
public enum SessionDefaults {
    typealias Setting = (name: String, value: String)

    /// Nothing ends a session that waits, everything may be written that the role may write, and no policy hides a row without an error.
    static let undisturbed: [Setting] = [
        ("statement_timeout", "0"), ("lock_timeout", "0"), ("idle_session_timeout", "0"), ("idle_in_transaction_session_timeout", "0"),
        ("default_transaction_read_only", "off"), ("default_transaction_isolation", "read committed"),
        ("default_transaction_deferrable", "off"), ("row_security", "off"), ("role", "none"), ("exit_on_error", "off"),
    ]

    /// What was written means the same when it is read, as a value (`{NULL}`) and in a statement (`= NULL`), and every row that is there is found.
    ///
    /// Of what anybody may set (PostgreSQL 15's pg_settings) the rest is left to the database: it tells how values look, which is said where they are
    /// read (`form`; pg_dump says it for itself), how a query is planned, or what new things are like, which archives say of each. `lc_monetary` is
    /// left, too: amounts are written as the server writes them, and no archive tells how.
    static let reading: [Setting] = [
        ("array_nulls", "on"), ("transform_null_equals", "off"), ("standard_conforming_strings", "on"),
        ("backslash_quote", "safe_encoding"), ("xmloption", "content"), ("quote_all_identifiers", "off"),
        ("gin_fuzzy_search_limit", "0"), ("ignore_system_indexes", "off"),
    ]

    /// The same for sessions that have defaults of their own.
    public static var readingOptions: String { options(reading) }

    /// How values are written, which the code that reads them knows.
    static let form: [Setting] = [
        ("DateStyle", "ISO"), ("TimeZone", "UTC"), ("IntervalStyle", "postgres"), ("extra_float_digits", "1"), ("bytea_output", "hex"),
    ]

    /// A walsender does not give up a reader that a slow repository holds up. One whose machine is gone is found by the network (40.3, 20.2.1).
    static let streaming: [Setting] = [
        ("wal_sender_timeout", "0"), ("tcp_keepalives_idle", "60"), ("tcp_keepalives_interval", "10"), ("tcp_keepalives_count", "6"),
    ]

    /// For `PGOPTIONS` of PostgreSQL's own programs, so that their sessions are as undisturbed as ours.
    public static var programOptions: String { options(undisturbed + reading) }

    /// As the server takes them from a client: blanks and backslashes with a backslash in front (54.7, `options`).
    static func options(_ settings: [Setting]) -> String {
        settings.map { setting in
            let value = setting.value.replacing("\\", with: "\\\\").replacing(" ", with: "\\ ")
            return "-c \(setting.name)=\(value)"
        }.joined(separator: " ")
    }
}

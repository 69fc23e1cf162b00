import PostgreSQL

/// What sessions on a scratch server set for themselves: what a copied server, its databases and its roles say by default would end them, stop
/// them, or have them run as somebody else. What a session sets as it connects wins over all of those.
enum ScratchSession {
    /// Anybody may set these.
    static func settings(major: Int) -> [String] {
        var settings = [
            "role=none", "statement_timeout=0", "lock_timeout=0", "idle_in_transaction_session_timeout=0",
            "default_transaction_read_only=off",
            "default_transaction_isolation=read\\ committed", "default_transaction_deferrable=off", "row_security=on",
            "exit_on_error=off",
        ]
        if major >= 14 { settings.append("idle_session_timeout=0") }
        if major >= 17 { settings.append("transaction_timeout=0") }
        return settings
    }

    /// For statements of ours: nothing of the copy's own stands in for what they name.
    static func ownSettings(major: Int) -> [String] { settings(major: major) + ["search_path=pg_catalog,pg_temp"] }

    /// A superuser can also keep libraries and triggers away that would run with its rights.
    static func superuserSettings(major: Int) -> [String] {
        ownSettings(major: major) + ["session_preload_libraries=", "local_preload_libraries="]
            + (major >= 17 ? ["event_triggers=off"] : [])
    }

    /// As libpq takes them.
    static func options(_ settings: [String]) -> String {
        ([SessionDefaults.readingOptions] + settings.map { "-c \($0)" }).joined(separator: " ")
    }

    /// Settings of roles and databases that must not count in any session, as a pattern.
    static let struckOut = "^(session_preload_libraries|local_preload_libraries|zero_damaged_pages|ignore_checksum_failure)="
}

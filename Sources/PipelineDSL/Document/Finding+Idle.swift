/// Keys that are read and checked, and that nothing acts on.
extension Finding {
    static let idle = "does-nothing"

    /// `meanwhile`: what to do instead.
    static func idle(_ key: String, of place: String, meanwhile: String, at mark: SourceMark) -> Finding {
        Finding(
            idle, "`\(key)` of \(place) is accepted and does nothing yet", hint: meanwhile, isWarning: true, at: mark)
    }
}

import Basics

extension Explanation {
    /// A setting that a server can't start with.
    static func setting(_ expected: String, _ found: String, at location: String, _ advice: String) -> Explanation {
        Explanation(.invalidSetting, expected: expected, found: found, at: location, advice: advice)
    }
}

import Basics

/// What is wrong with a setting that has the shape that was declared: found when the document is read, before anything runs.
public struct SettingProblem: Sendable, Hashable {
    /// The setting's name.
    public var setting: String
    /// What would be right.
    public var expected: String
    /// What stands there; never the value of a secret.
    public var found: String
    /// What to do about it; may be empty.
    public var advice: String

    public init(_ setting: String, expected: String, found: String, advice: String = "") {
        self.setting = setting
        self.expected = expected
        self.found = found
        self.advice = advice
    }

    /// What the plug-in itself throws when it runs, told of the setting. Nil when the body throws nothing.
    public init?(_ setting: String, _ body: () throws -> Void) {
        do {
            try body()
            return nil
        } catch {
            let error = StepError(wrapping: error, at: setting)
            self.init(setting, expected: error.expected, found: error.found, advice: error.advice)
        }
    }
}

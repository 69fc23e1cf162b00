extension BinaryInteger {
    /// The number with its noun: `1.counted("step")` is "1 step", `2.counted("step")` "2 steps". `plural` where that is not the noun and an s.
    public func counted(_ noun: String, _ plural: String? = nil) -> String { "\(self) \(self == 1 ? noun : plural ?? noun + "s")" }
}

import Crypto
public import Basics

/// Names what a step makes outside: stable over attempts, another one each time the resource is acquired anew.
/// `sf-` and the first 26 hex digits of SHA-256 over job, step and generation.
struct StepKey: Sendable, Hashable {
    let text: String

    /// Whether a name is one that a step made, of one system or of several. What is read from a row names what is to be removed.
    static func isOne(_ text: String) -> Bool {
        guard text.hasPrefix("sf-") else { return false }
        let rest = text.dropFirst(3).split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        return rest[0].count == 26 && rest[0].allSatisfy { $0.isASCII && $0.isHexDigit && !$0.isUppercase }
            && (rest.count == 1 || UInt16(rest[1]) != nil)
    }

    init(job: JobID, step: StepID, generation: Int) {
        text = "sf-" + SHA256.hex(Array("\(job)\n\(step)\n\(generation)".utf8)).prefix(26)
    }
}

extension JobRun {
    /// What a step's system is asked to name what it acquires: a part of the name outside.
    public func outsideName(of step: StepID, _ resource: ArmedResource, job: JobID) -> String {
        StepKey(job: job, step: step, generation: resource.generation).text
    }
}

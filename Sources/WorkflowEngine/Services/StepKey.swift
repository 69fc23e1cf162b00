import Crypto
public import Basics
import StepKit

/// Names what a step makes outside: stable over attempts, another one each time the resource is acquired anew.
/// `sf-` and the first 26 hex digits of SHA-256 over job, step and generation.
struct StepKey: Sendable, Hashable {
    let text: String

    /// Whether a name is one that a step made, of one system or of several. What is read from a row names what is to be removed.
    static func isOne(_ text: String) -> Bool { Holding.isKey(text) }

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

import Crypto
import FlowModel

/// Names what a step makes outside: stable over attempts, another one each time the resource is acquired anew.
/// `sf-` and the first 26 hex digits of SHA-256 over job, step and generation.
struct StepKey: Sendable, Hashable {
    let text: String

    init(job: JobID, step: StepID, generation: Int) {
        text = "sf-" + SHA256.hex(Array("\(job)\n\(step)\n\(generation)".utf8)).prefix(26)
    }
}

import Basics
import StepKit

/// How a program ended and what it said.
struct ProgramResult: Sendable, Hashable {
    enum Ending: Sendable, Hashable {
        case exited(Int)
        case signaled(Int)
    }
    var ending: Ending
    /// The first bytes of its output, if it was kept.
    var output: String = ""
    /// True when there was more.
    var outputIsCut = false
    /// The last bytes of what it wrote to standard error.
    var errors: String = ""

    /// Throws unless the program exited with one of `statuses`.
    func require(_ statuses: [Int] = [0], of call: ProgramCall, kind: ErrorKind = .commandFailed) throws(StepError) {
        if case .exited(let status) = ending, statuses.contains(status) { return }
        let expected = statuses.count == 1 ? "exit status \(statuses[0])" : "an exit status of \(statuses)"
        let lines = errors.split(separator: "\n").suffix(5).joined(separator: " | ")
        throw StepError(
            kind, expected: "\(call.program) to end with \(expected)", found: ending.description + (lines.isEmpty ? "" : ": \(lines)"),
            at: call.origin, advice: advice(call), retry: kind == .verification || isHopeless ? .permanent : .transient)
    }

    /// A shell's own words for "not executable" and "not found".
    private var isHopeless: Bool { ending == .exited(126) || ending == .exited(127) }

    private func advice(_ call: ProgramCall) -> String {
        switch ending {
        case .exited(127): "a program that it calls is not there; check PATH and the names"
        case .exited: "run it by hand to see what it misses: \(call.arguments.joined(separator: " "))"
        case .signaled: "somebody killed it, or it crashed; look into the system's log"
        }
    }
}

extension ProgramResult.Ending: CustomStringConvertible {
    var description: String {
        switch self {
        case .exited(let status): "exit status \(status)"
        case .signaled(let signal): "signal \(signal)"
        }
    }
}

/// Keeps the first or the last bytes of a stream of any length.
struct BoundedText: Sendable {
    let limit: Int
    let keepsLast: Bool
    private(set) var bytes: [UInt8] = []
    private(set) var isCut = false

    init(first limit: Int) {
        self.limit = limit
        keepsLast = false
    }

    init(last limit: Int) {
        self.limit = limit
        keepsLast = true
    }

    mutating func append(_ more: UnsafeRawBufferPointer) {
        if keepsLast {
            bytes += more.suffix(limit)
            if bytes.count > 2 * limit { bytes.removeFirst(bytes.count - limit) }
        } else {
            isCut = isCut || more.count > limit - bytes.count
            bytes += more.prefix(limit - bytes.count)
        }
    }

    var text: String { String(decoding: keepsLast ? bytes.suffix(limit) : bytes[...], as: UTF8.self) }
}

public import Basics
public import Logging

extension Logger {
    /// The same, of what is named: its lines can be joined with the rows of the control database.
    public func of(worker: String? = nil, job: JobID? = nil, step: StepID? = nil, attempt: Int? = nil) -> Logger {
        var logger = self
        if let worker { logger[metadataKey: "worker"] = .string(worker) }
        if let job { logger[metadataKey: "job"] = .string(job.rawValue) }
        if let step { logger[metadataKey: "step"] = .string(step.rawValue) }
        if let attempt { logger[metadataKey: "attempt"] = .stringConvertible(attempt) }
        return logger
    }

    /// Says nothing: where nobody cares.
    public static let silent = Logger(label: "silent", factory: { _ in SwiftLogNoOpLogHandler() })
}

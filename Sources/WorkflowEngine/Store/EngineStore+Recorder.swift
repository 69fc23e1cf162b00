import Basics
import FlowModel
import PostgreSQL
import StepKit

extension EngineStore {
    func saveCheckpoint(_ state: JSONValue, job: JobID, step: StepID, token: Int64) async throws {
        let rows = try await relaxed.repeatable(
            Self.sql("save-checkpoint"), [.text(job.rawValue), .text(step.rawValue), .int(token), .json(state.withoutNUL)])
        guard !rows.isEmpty else {
            throw StepError(
                .leaseLost, expected: "this worker to have the step", found: "another attempt has it", at: "job \(job), step \(step)",
                retry: .lostRace)
        }
    }

    func saveProgress(_ progress: [ProgressReport]) async throws {
        guard !progress.isEmpty else { return }
        var latest: [String: JSONValue] = [:]
        for report in progress {
            latest["\(report.job)/\(report.step)"] = [
                "job": .string(report.job.rawValue), "step": .string(report.step.rawValue), "token": .int(report.token),
                "progress": try JSONValue(encoding: report.progress).withoutNUL,
            ]
        }
        try await relaxed.repeatable(Self.sql("save-progress"), [.json(.array(Array(latest.values)))])
    }

    func appendLog(_ lines: [LogLine]) async throws {
        guard !lines.isEmpty else { return }
        let rows = lines.map { line -> JSONValue in
            [
                "job": .string(line.job.rawValue), "step": .string(line.step.rawValue), "attempt": .int(Int64(line.attempt)),
                "level": .string(line.level.rawValue), "message": .string(line.message),
            ]
        }
        try await relaxed.query(Self.sql("append-log"), [.json(JSONValue.array(rows).withoutNUL)])
    }
}

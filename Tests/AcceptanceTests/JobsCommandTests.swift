import Basics
import FlowControl
import FlowModel
import Foundation
import Rigs
import Testing
import WorkflowEngine

/// The JSON of `jobs` is the documented values (docs/job-json.md) and nothing else.
@Suite(.ownThread) struct JobsCommandTests {
    private func rig(_ name: String) throws -> (FlowRig, good: String, bad: String) {
        let rig = try FlowRig(name)
        func document(_ name: String, _ program: String) throws -> String {
            try rig.write(
                "\(name).yaml",
                """
                name: \(name)
                steps:
                  - exec: [/bin/sh, -c, "\(program)"]
                    id: say
                """)
        }
        return (rig, try document("good", "echo hello"), try document("bad", "echo no >&2; exit 3"))
    }

    /// Read as the value, and written again as it was printed.
    private func value<Value: Codable>(_ outcome: FlowOutcome, as type: Value.Type = Value.self) throws -> Value {
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
        let json = try JSONValue(parsing: outcome.output.utf8)
        let value = try json.decoded(as: Value.self)
        #expect(try JSONValue(encoding: value) == json)
        return value
    }

    @Test func aJobIsPrintedAsItsDocumentedValue() throws {
        let (rig, _, bad) = try self.rig("jobs-show")
        defer { rig.close() }
        #expect(try rig.run(["run", bad]).status == 1)
        let listed: [JobOverview] = try value(rig.run(["jobs", "list", "--output", "json"]))
        let job = try #require(listed.first)
        #expect(listed.count == 1 && job.pipeline == "bad" && job.state == .failed && job.cleanup == .clean && job.origin == .local)
        let shown: JobDetail = try value(rig.run(["jobs", "show", job.id.rawValue, "--output", "json"]))
        #expect(shown.overview == job)
        let step = try #require(shown.steps.first)
        #expect(step.id == "say" && step.verb == "exec" && step.state == .failed && step.attempts.count == step.attemptCount)
        let error = try #require(step.error)
        #expect(!error.expected.isEmpty && !error.found.isEmpty && !error.location.isEmpty && step.attempts.last?.error == error)
        let logs: [JobLogLine] = try value(rig.run(["jobs", "logs", job.id.rawValue, "--output", "json"]))
        #expect(logs.contains { $0.step == "say" && $0.message.contains("no") })
    }

    @Test func aListIsCutIntoPagesAndFiltered() throws {
        let (rig, good, bad) = try self.rig("jobs-list")
        defer { rig.close() }
        for document in [good, bad, good] { _ = try rig.run(["run", document]) }
        var (met, cursor): ([String], [String]) = ([], [])
        repeat {
            let outcome = try rig.run(["jobs", "list", "--output", "json", "--limit", "1"] + cursor)
            met += try value(outcome, as: [JobOverview].self).map(\.pipeline)
            cursor = outcome.errors.firstMatch(of: /there are more: --cursor (\S+)/).map { ["--cursor", String($0.1)] } ?? []
        } while !cursor.isEmpty && met.count < 10
        #expect(met == ["good", "bad", "good"])
        func pipelines(_ filter: String...) throws -> [String] {
            try value(rig.run(["jobs", "list", "--output", "json"] + filter), as: [JobOverview].self).map(\.pipeline)
        }
        #expect(try pipelines("--state", "failed") == ["bad"])
        #expect(try pipelines("--state", "failed", "--state", "succeeded").count == 3)
        #expect(try pipelines("--since", "1h", "--pipeline", "good") == ["good", "good"])
        #expect(try pipelines("--until", "2000-01-01") == [] && pipelines("--system", "nowhere") == [])
        #expect(try rig.run(["jobs", "list", "--since", "yesterday"]).status == 2)
        #expect(try rig.run(["jobs", "list", "--state", "lost"]).status == 2)
        let bogus = try rig.run(["jobs", "list", "--cursor", "page-2"])
        #expect(bogus.status == 1 && bogus.errors.contains("begin without a cursor"), "\(bogus.errors)")
        // For people the words are as they were.
        let table = try rig.run(["jobs", "list"]).output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(table.first == ["JOB", "PIPELINE", "STATE", "CLEANUP", "STEPS", "CREATED", "TOOK"])
        #expect(table.dropFirst().map { $0[2] } == ["succeeded", "failed", "succeeded"])
    }
}

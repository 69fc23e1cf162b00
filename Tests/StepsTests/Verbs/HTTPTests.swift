import FlowModel
import Basics
import Rigs
import StepKit
import Testing

@Suite struct HTTPTests {
    private func error(_ stage: StepStage, _ settings: [String: JSONValue]) async -> (any ExplainedError)? {
        do {
            _ = try await stage.run("http", id: "http", .none, settings)
            return nil
        } catch {
            return error as? any ExplainedError
        }
    }

    @Test func postsJSONWithASecretHeaderAndAKeyThatAttemptsShare() async throws {
        let rig = try HTTPRig { _ in HTTPRig.answer("200 OK", "{\"ticket\":7}") }
        defer { rig.stop() }
        let stage = try StepStage()
        let settings: [String: JSONValue] = [
            "url": .string(rig.url + "/hook"), "body": ["state": "done"],
            "headers": ["Authorization": ["fromFile": .string(stage.folder.file("password"))]],
        ]
        let result = try await stage.run("http", id: "tell", .none, settings)
        try await stage.run("http", id: "tell", .none, settings, attempt: 2)
        #expect(result.outputs["status"] == 200)
        #expect(result.outputs["body"]?["ticket"] == 7)
        #expect(rig.requests.count == 2)
        let request = try #require(rig.requests.first)
        #expect(request.line == "POST /hook HTTP/1.1")
        #expect(request.body == "{\"state\":\"done\"}")
        #expect(request.headers["content-type"] == "application/json")
        #expect(request.headers["authorization"] == StepStage.password)
        #expect(Set(rig.requests.map { $0.headers["idempotency-key"] }).count == 1)
        #expect(request.headers["idempotency-key"] != nil)
        #expect(!stage.recorder.lines.joined().contains(StepStage.password))
    }

    @Test func statusesDecideAndSomeAreWorthARetry() async throws {
        let stage = try StepStage()
        for (status, retry) in [("503 Busy", Retryability.transient), ("404 Not Found", .permanent)] {
            let rig = try HTTPRig { _ in HTTPRig.answer(status, headers: ["Retry-After: 7"]) }
            let found = await error(stage, ["url": .string(rig.url)]) as? StepError
            rig.stop()
            #expect(found?.kind == .unexpectedStatus)
            #expect(found?.retry == retry)
            #expect(found?.retryAfter == .seconds(7))
        }
        let rig = try HTTPRig { _ in HTTPRig.answer("404 Not Found") }
        defer { rig.stop() }
        #expect(await error(stage, ["url": .string(rig.url), "expect": ["status": [404]]]) == nil)
    }

    @Test func bodyMustHoldWhatIsExpected() async throws {
        let rig = try HTTPRig { _ in HTTPRig.answer("200 OK", "all green") }
        defer { rig.stop() }
        let stage = try StepStage()
        #expect(await error(stage, ["url": .string(rig.url), "expect": ["contains": "green"]]) == nil)
        #expect(await error(stage, ["url": .string(rig.url), "expect": ["contains": "red"]])?.code == "unexpected-body")
    }

    @Test func longBodiesAreCutNotRefused() async throws {
        let rig = try HTTPRig { _ in HTTPRig.answer("200 OK", String(repeating: "x", count: 100_000)) }
        defer { rig.stop() }
        let result = try await StepStage().run("http", id: "get", .none, ["url": .string(rig.url)])
        #expect(result.outputs["truncated"] == true)
        #expect(result.outputs["body"]?.stringValue?.utf8.count == 65_536)
    }

    @Test func aMissingServerIsTransientAndACallbackIsRefused() async throws {
        let rig = try HTTPRig { _ in nil }
        rig.stop()
        let stage = try StepStage()
        let found = await error(stage, ["url": .string(rig.url)])
        #expect(found?.code == "unreachable")
        #expect(found?.retry == .transient)
        #expect(await error(stage, ["url": .string(rig.url), "wait": "callback"])?.code == "invalid-setting")
    }
}

import Basics
import Rigs
import Testing

@testable import PluginHost

/// Processes that wait for a session: which one has them, and when they end.
@Suite struct IdleProcessesTests {
    /// Answers whatever is asked, the first time after a while.
    private func program(_ result: String = #""result":{}"#, seconds: Double = 0.3) -> PluginProgram {
        let script = """
            sleep \(seconds)
            while IFS= read -r line; do id=${line##*'"id":'}; printf '{"id":%s,\(result)}\\n' "${id%%[,\\}]*}"; done
            """
        return PluginProgram(
            name: "idle", command: ["/bin/bash", "-c", script], environment: ["PATH": "/usr/bin:/bin"], timeout: .seconds(10),
            callsAtOnce: 4)
    }

    @Test func whatNobodyTakesEnds() async throws {
        let idle = IdleProcesses(patience: 0.1)
        // Its patience has passed before it is ready.
        idle.prepare(program(), [:])
        #expect(idle.count == 1)
        try await eventually("idle.count == 0") { idle.count == 0 }
    }

    @Test func aSessionHasWhatWasPreparedBeforeItIsReady() async throws {
        let idle = IdleProcesses()
        let program = program()
        idle.prepare(program, [:])
        idle.prepare(program, [:])
        #expect(idle.count == 1, "one is enough")
        var session: PluginSession? = PluginSession(program, sharing: idle, log: { _ in }, opening: { [:] })
        let process = try #require(session).running()
        #expect(idle.count == 0)
        #expect(try process.call("find").result == [:])
        // On a busy machine the call that prepares it is sent later than the others; while it is under way nobody would keep the process.
        try await eventually("process.isIdle") { process.isIdle }
        session = nil
        try await eventually("idle.count == 1") { idle.count == 1 }
        #expect(idle.take(program) === process)
    }

    @Test func whatCouldNotBePreparedIsNotTaken() async throws {
        let idle = IdleProcesses()
        let program = program(#""error":"it broke""#, seconds: 0)
        idle.prepare(program, [:])
        let process = try #require(idle.take(program))
        try await eventually("process.hasFailed") { process.hasFailed }
        idle.park(process)
        #expect(idle.take(program) == nil)
    }
}

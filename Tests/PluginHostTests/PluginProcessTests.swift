import Basics
import Foundation
import Rigs
import StorageKit
import Synchronization
import Testing

@testable import PluginHost

/// Whatever a plug-in's process does, its worker goes on, knows why, and leaves nothing of it behind.
@Suite struct PluginProcessTests {
    private func error(_ serve: String, timeout: TimeSpan = .seconds(2)) async throws -> (StorageError?, ScratchPlugin) {
        let plugin = try ScratchPlugin(serve)
        let session = plugin.session(timeout: timeout)
        let error = await #expect(throws: StorageError.self) { try await session.run { _ = try $0.call("find") } }
        return (error, plugin)
    }

    @Test func anAnswerIsAnAnswer() async throws {
        let plugin = try ScratchPlugin("while request; do answer '{\"a\":[1,2]}'; done")
        let session = plugin.session()
        for _ in 0..<3 { #expect(try await session.run { try $0.call("find").result } == ["a": [1, 2]]) }
    }

    @Test func aFailureComesWithItsParts() async throws {
        let (whole, _) = try await error(
            """
            request
            printf '{"id":%s,"error":{"kind":"noSpace","expected":"room","found":"none","location":"/x","advice":"free some","retry":"transient"}}\\n' $id
            """)
        #expect(
            whole
                == StorageError(.noSpace, expected: "room", found: "none", at: "/x", advice: "free some", retry: .transient))
        let (bare, _) = try await error("request; printf '{\"id\":%s,\"error\":\"it broke\"}\\n' $id")
        #expect(bare?.kind == .failed && bare?.found == "it broke" && bare?.location == "plug-in scratch" && bare?.retry == .permanent)
    }

    /// What a type in a child process throws reaches its worker as it was thrown; a program from outside may use every word too.
    @Test func everyKindSurvivesTheWayFromAPlugin() async throws {
        let plugin = try ScratchPlugin(
            """
            while request; do
                kind=${line##*\\"kind\\":\\"}
                printf '{"id":%s,"error":{"kind":"%s","expected":"a","found":"b","location":"c","retryAfter":7000}}\\n' $id "${kind%%\\"*}"
            done
            """)
        let session = plugin.session()
        for kind in ErrorKind.allCases {
            let error = await #expect(throws: StorageError.self) {
                try await session.run { _ = try $0.call("find", ["kind": .string(kind.rawValue)]) }
            }
            #expect(error == StorageError(kind, expected: "a", found: "b", at: "c", retryAfter: .seconds(7)))
        }
    }

    @Test(arguments: ErrorKind.allCases) func everyKindSurvivesTheWayOutOfAChild(_ kind: ErrorKind) {
        let error = Explanation(kind, expected: "a", found: "b", at: "c", advice: "d", retry: .lostRace, retryAfter: .seconds(7))
        #expect(PluginFailure(json: PluginFailure(error, at: "").json, call: "find", plugin: "p").explanation == error)
    }

    @Test func whatDiesIsSaidAndStartedAnew() async throws {
        let plugin = try ScratchPlugin(
            """
            request
            if [ ! -e "${0%/*}/died" ]; then touch "${0%/*}/died"; echo "no such array" >&2; kill -SEGV $$; fi
            answer '{"alive":true}'; request
            """)
        let session = plugin.session()
        let error = await #expect(throws: StorageError.self) { try await session.run { _ = try $0.call("find") } }
        #expect(error?.kind == .unavailable && error?.retry == .transient, "\(String(describing: error))")
        #expect(
            error?.found.contains("Segmentation") == true && error?.found.contains("no such array") == true, "\(String(describing: error))")
        #expect(try await session.run { try $0.call("find").result } == ["alive": true])
    }

    @Test func whatHangsIsEndedWithItsChildren() async throws {
        let (error, plugin) = try await error("request; sleep 1000 & echo $! > \"${0%/*}/child\"; wait")
        #expect(
            error?.kind == .unavailable && error?.retry == .transient && error?.found.contains("2s") == true, "\(String(describing: error))"
        )
        let child = try #require(pid_t(try await plugin.text("child").trimmingCharacters(in: .newlines)))
        try await eventually("its child ends") { kill(child, 0) != 0 || isZombie(child) }
    }

    /// Whoever has died waits for its new parent here.
    private func isZombie(_ process: pid_t) -> Bool {
        (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8))?.contains(") Z ") ?? true
    }

    @Test func whoSaysThatHeIsAtWorkIsWaitedFor() async throws {
        let plugin = try ScratchPlugin(
            "request; for _ in 1 2 3 4 5 6 7; do sleep 0.4; printf '{\"id\":%s,\"progress\":true}\\n' $id; done; answer '{\"late\":true}'")
        let session = plugin.session(timeout: .seconds(1))
        #expect(try await session.run { try $0.call("snapshot").result } == ["late": true])
    }

    @Test func garbageIsThePluginsFault() async throws {
        for serve in [
            "request; echo 'Starting up...'; sleep 100", "request; echo '{\"id\":'; sleep 100", "request; echo '{\"id\":1}'; sleep 100",
            "request; head -c 20000000 /dev/zero | tr '\\0' x; sleep 100", "request; printf 'abcdefghijklmnop' >&3; sleep 100",
        ] {
            let (error, _) = try await error(serve, timeout: .seconds(60))
            #expect(
                error?.kind == .invalid && error?.retry == .permanent && error?.advice.contains("author") == true,
                "\(serve): \(String(describing: error))")
        }
    }

    @Test func dataOfTheWrongLengthAreRefused() async throws {
        let short =
            #"request; printf '{"id":%s,"result":{},"data":3}\n' $id; printf "\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0abc" >&3; sleep 100"#
        let plugin = try ScratchPlugin(short)
        let session = plugin.session()
        let error = await #expect(throws: StorageError.self) {
            try await session.run { process in
                var buffer = [UInt8](repeating: 0, count: 8)
                _ = try buffer.withUnsafeMutableBytes { try process.call("image.read", into: $0) }
            }
        }
        #expect(error?.kind == .invalid || error?.kind == .truncated, "\(String(describing: error))")
        let right = try ScratchPlugin(short)
        let data = try await right.session().run { process in
            var buffer = [UInt8](repeating: 0, count: 3)
            _ = try buffer.withUnsafeMutableBytes { try process.call("image.read", into: $0) }
            return buffer
        }
        #expect(data == Array("abc".utf8))
    }

    @Test func whatIsSentArrives() async throws {
        let plugin = try ScratchPlugin(
            "request; head -c 16 <&3 >/dev/null; head -c 3000000 <&3 | cksum > \"${0%/*}/sum\"; answer '{}'; request")
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try await plugin.session().run { process in try bytes.withUnsafeBytes { _ = try process.call("target.write", sending: $0) } }
        try Data(bytes).write(to: URL(fileURLWithPath: plugin.folder.file("bytes")))
        let expected = try await HostProgram.run(["cksum", plugin.folder.file("bytes")])
        #expect(expected.hasPrefix(try await plugin.text("sum").trimmingCharacters(in: .newlines)))
    }

    @Test func whoTakesNothingIsGivenUp() async throws {
        let plugin = try ScratchPlugin("request; sleep 1000")
        let bytes = [UInt8](repeating: 1, count: 64 << 20)
        let error = await #expect(throws: StorageError.self) {
            try await plugin.session().run { process in try bytes.withUnsafeBytes { _ = try process.call("target.write", sending: $0) } }
        }
        #expect(error?.kind == .unavailable && error?.retry == .transient, "\(String(describing: error))")
    }

    @Test func aCancelledCallEndsTheProcess() async throws {
        let plugin = try ScratchPlugin("request; echo $$ > \"${0%/*}/pid\"; sleep 1000 & wait")
        let session = plugin.session(timeout: .minutes(5))
        let task = Task { try await session.run(stopping: true) { _ = try $0.call("snapshot") } }
        let process = try #require(pid_t(try await plugin.text("pid").trimmingCharacters(in: .newlines)))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(kill(process, 0) != 0)
    }

    @Test func itsWordsGoToTheLogWithoutSecrets() async throws {
        let plugin = try ScratchPlugin(
            """
            request
            echo "array says hunter2 is wrong" >&2
            printf '{"log":"warning","message":"tried hunter2"}\\n'
            printf '{"id":%s,"error":{"found":"hunter2"}}\\n' $id
            sleep 0.3
            """)
        let session = plugin.session(secrets: ["hunter2"])
        let error = await #expect(throws: StorageError.self) { try await session.run { _ = try $0.call("find") } }
        #expect(error?.found == "<redacted>")
        try await eventually("both are in the log") { plugin.log.withLock { $0.count } >= 2 }
        #expect(Set(plugin.log.withLock { $0 }) == ["info: array says <redacted> is wrong", "warning: tried <redacted>"])
    }

    @Test func aProgramThatIsNotThereIsNamed() async throws {
        let program = PluginProgram(
            name: "gone", command: ["/nonexistent/plug-in", "serve"], environment: [:], timeout: .seconds(2), callsAtOnce: 1)
        let session = PluginSession(program) { _ in
        } opening: {
            [:]
        }
        let error = await #expect(throws: StorageError.self) { try await session.run { _ = try $0.call("find") } }
        #expect(error?.kind == .notFound && error?.location == "/nonexistent/plug-in", "\(String(describing: error))")
    }

    /// A library that hangs in one call holds neither the others nor the end of its process.
    @Test func manyCallsAreUnderWayAtOnce() async throws {
        let plugin = try ScratchPlugin(
            """
            request; first=$id; request; second=$id
            printf '{"id":%s,"result":"second"}\\n{"id":%s,"result":"first"}\\n' $second $first
            request
            """)
        let session = plugin.session()
        async let one = session.run { try $0.call("image.read").result }
        async let two = session.run { try $0.call("image.read").result }
        #expect(Set([try await one, try await two]) == ["first", "second"])
    }
}

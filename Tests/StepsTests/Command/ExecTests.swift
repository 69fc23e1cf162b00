import FlowModel
import Basics
import Foundation
import Glibc
import Rigs
import StepKit
import Testing

@testable import Steps

@Suite struct ExecTests {
    private func exec(_ stage: StepStage, _ argv: [String], _ more: [String: JSONValue] = [:]) async throws -> StepResult {
        try await stage.run("exec", id: "run", .none, ["argv": .array(argv.map { .string($0) })].merging(more) { $1 })
    }

    @Test func programReadsInputAndItsOutputIsKept() async throws {
        let result = try await exec(try StepStage(), ["/bin/cat"], ["stdin": "hello"])
        #expect(result.outputs["stdout"] == "hello")
        #expect(result.outputs["exit"] == 0)
        #expect(result.outputs["truncated"] == false)
    }

    @Test func nothingOfAQuickProgramsOutputIsLost() async throws {
        let stage = try StepStage()
        for _ in 0..<10 {
            let result = try await exec(stage, ["/bin/sh", "-c", "head -c 60000 /dev/zero | tr '\\0' x"])
            #expect(result.outputs["stdout"]?.stringValue?.utf8.count == 60000)
        }
    }

    @Test func outputBeyondTheLimitIsCutAndSaidSo() async throws {
        let result = try await exec(try StepStage(), ["/bin/sh", "-c", "head -c 300000 /dev/zero | tr '\\0' x"])
        #expect(result.outputs["stdout"]?.stringValue?.utf8.count == CommandRunner.outputLimit)
        #expect(result.outputs["truncated"] == true)
    }

    @Test func unexpectedExitStatusSaysTheLastLines() async throws {
        let stage = try StepStage()
        let error = await #expect(throws: StepError.self) {
            try await exec(stage, ["/bin/sh", "-c", "echo first >&2; echo the disk is gone >&2; exit 3"])
        }
        #expect(error?.kind == .commandFailed)
        #expect(error?.found.contains("exit status 3") == true)
        #expect(error?.found.contains("the disk is gone") == true)
        let accepted = try await exec(stage, ["/bin/sh", "-c", "exit 3"], ["expectExit": [0, 3]])
        #expect(accepted.outputs["exit"] == 3)
    }

    @Test(arguments: ["no-such-program-anywhere", "/no/such/program"])
    func missingProgramIsPermanent(_ program: String) async throws {
        let stage = try StepStage()
        let error = await #expect(throws: StepError.self) { try await exec(stage, [program]) }
        #expect(error?.kind == .programMissing)
        #expect(error?.retry == .permanent)
    }

    @Test func missingWorkingFolderIsNamed() async throws {
        let stage = try StepStage()
        let error = await #expect(throws: StepError.self) { try await exec(stage, ["/bin/true"], ["workingFolder": "/no/such/folder"]) }
        #expect(error?.description.contains("/no/such/folder") == true)
    }

    @Test func secretsTravelInTheEnvironmentAloneAndAreShownNowhere() async throws {
        let stage = try StepStage()
        try stage.write("token", "s3cr3t-value")
        let script =
            "tr '\\0' ' ' < /proc/$$/cmdline; printf '%s' \"$TOKEN\" > \(stage.folder.file("seen")); echo \"$TOKEN\"; echo \"$TOKEN\" >&2; exit $STATUS"
        let environment: [String: JSONValue] = ["TOKEN": ["fromFile": .string(stage.folder.file("token"))]]
        let result = try await exec(
            stage, ["/bin/sh", "-c", script], ["environment": .object(environment.merging(["STATUS": "0"]) { $1 })])
        #expect(try stage.read("seen") == "s3cr3t-value")
        #expect(result.outputs["stdout"]?.stringValue?.contains("s3cr3t-value") == false)
        let error = await #expect(throws: StepError.self) {
            try await exec(stage, ["/bin/sh", "-c", script], ["environment": .object(environment.merging(["STATUS": "1"]) { $1 })])
        }
        #expect(error?.description.contains("<redacted>") == true)
        #expect(error?.description.contains("s3cr3t-value") == false)
        #expect(!stage.recorder.lines.contains { $0.contains("s3cr3t-value") })
    }

    @Test func workersOwnEnvironmentDoesNotReachPrograms() async throws {
        setenv("SNAPPY_FLOW_TEST_FOREIGN", "of another pipeline", 1)
        let result = try await exec(try StepStage(), ["/usr/bin/env"])
        let text = result.outputs["stdout"]?.stringValue ?? ""
        #expect(text.contains("PATH="))
        #expect(!text.contains("SNAPPY_FLOW_TEST_FOREIGN"))
    }

    /// The children hold the write end of a fifo: its end of file says that every one of them is gone. `hasStarted` waits so many
    /// milliseconds for them.
    private func expectAllGone(
        _ stage: StepStage,
        ending body: @escaping @Sendable (_ script: [String], _ hasStarted: @escaping @Sendable (Int32) -> Bool) async throws -> Void
    ) async throws {
        let fifo = stage.folder.file("fifo")
        #expect(mkfifo(fifo, 0o600) == 0)
        let descriptor = open(fifo, O_RDONLY | O_NONBLOCK)
        defer { close(descriptor) }
        let script = "trap '' TERM; (trap '' TERM; echo started; while :; do sleep 1000; done) > \(fifo) & trap - TERM; wait"
        let hasStarted: @Sendable (Int32) -> Bool = { milliseconds in
            var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            var bytes = [UInt8](repeating: 0, count: 16)
            return poll(&wait, 1, milliseconds) == 1 && read(descriptor, &bytes, 16) > 0
        }
        try await body(["/bin/sh", "-c", script], hasStarted)
        #expect(Self.readsToTheEnd(descriptor), "a child outlived its program")
    }

    /// False when the fifo is still open for writing after ten seconds.
    private static func readsToTheEnd(_ descriptor: Int32) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 64)
        while true {
            var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&wait, 1, 10_000) == 1 else { return false }
            if read(descriptor, &bytes, bytes.count) == 0 { return true }
        }
    }

    /// A loaded machine may need longer than the timeout to start the program at all: then it gets more time.
    @Test func timeoutEndsTheProgramWithItsChildren() async throws {
        let stage = try StepStage()
        try await expectAllGone(stage) { script, hasStarted in
            for timeout in ["2s", "8s", "30s"] {
                try stage.declare(
                    system: "slow", "command",
                    ["check": .array(script.map { .string($0) }), "timeout": .string(timeout), "environment": [:], "shell": false])
                let error = await #expect(throws: StepError.self) { try await stage.check("slow") }
                #expect(error?.kind == .timedOut)
                #expect(error?.retry == .transient)
                if hasStarted(0) { return }
            }
            Issue.record("the program did not start within 30 seconds")
        }
    }

    @Test func cancelEndsTheProgramWithItsChildren() async throws {
        let stage = try StepStage()
        try await expectAllGone(stage) { script, hasStarted in
            let task = Task { try await exec(stage, script) }
            await withCheckedContinuation { continuation in
                Thread.detachNewThread {
                    #expect(hasStarted(20_000), "the program started")
                    continuation.resume()
                }
            }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }
}

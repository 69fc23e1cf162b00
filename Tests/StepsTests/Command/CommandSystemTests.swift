import FlowModel
import Basics
import Foundation
import Repository
import Rigs
import StepKit
import Testing

@testable import Steps

@Suite struct CommandSystemTests {
    private func argv(_ words: String...) -> JSONValue { .array(words.map { .string($0) }) }

    @Test func outputBecomesOneFileThatResticDumps() async throws {
        let stage = try StepStage()
        stage.declare(repository: "vault")
        try stage.declare(
            system: "orders", "command", ["source": argv("/bin/sh", "-c", "seq 1 200000")], identity: "orders-export")
        let result = try await stage.run("copy", id: "copy-orders", .systems(["orders"]), ["to": "vault"])
        #expect(result.missed == [])
        let restic = try stage.restic("vault")
        try await restic.succeed("check", "--read-data")
        let dump = try await restic.succeed("dump", "latest", "/command/orders-export/stdout")
        #expect(dump == (1...200000).map { "\($0)\n" }.joined())
        #expect(try await restic.succeed("snapshots", "--json").contains("\"/command/orders-export\""))
    }

    @Test func programThatFailsInTheMiddleLeavesNoSnapshot() async throws {
        let stage = try StepStage()
        stage.declare(repository: "vault")
        try stage.declare(
            system: "orders", "command", ["source": argv("/bin/sh", "-c", "seq 1 300000; echo lost the database >&2; exit 7")],
            identity: "orders")
        let error = await #expect(throws: StepError.self) {
            try await stage.run("copy", id: "copy-orders", .systems(["orders"]), ["to": "vault"])
        }
        #expect(error?.kind == .commandFailed)
        #expect(error?.found.contains("lost the database") == true)
        let restic = try stage.restic("vault")
        try await restic.succeed("check", "--read-data")
        #expect(try await stage.store("vault").snapshots().isEmpty)
    }

    @Test func missingSourceProgramIsPermanent() async throws {
        let stage = try StepStage()
        stage.declare(repository: "vault")
        try stage.declare(system: "orders", "command", ["source": argv("/no/such/dump")], identity: "orders")
        let error = await #expect(throws: StepError.self) {
            try await stage.run("copy", id: "copy-orders", .systems(["orders"]), ["to": "vault"])
        }
        #expect(error?.kind == .programMissing)
        #expect(error?.retry == .permanent)
    }

    @Test func restoredStreamReachesTheProgramWholeAndInOrder() async throws {
        let stage = try StepStage()
        stage.declare(repository: "vault")
        let copy = stage.folder.file("copy")
        try stage.declare(
            system: "orders", "command",
            ["source": argv("/bin/sh", "-c", "seq 1 900000; head -c 3000000 /dev/zero"), "destination": argv("/usr/bin/tee", copy)],
            identity: "orders")
        try await stage.run("copy", id: "copy-orders", .systems(["orders"]), ["to": "vault"])
        try await stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "orders"])
        let restored = try Data(contentsOf: URL(fileURLWithPath: copy))
        #expect(restored == Data((1...900000).map { "\($0)\n" }.joined().utf8) + Data(count: 3_000_000))
    }

    @Test func checkDecidesAboutARestore() async throws {
        let stage = try StepStage()
        stage.declare(repository: "vault")
        let copy = stage.folder.file("copy")
        try stage.declare(
            system: "orders", "command",
            ["source": argv("/bin/echo", "42"), "destination": argv("/usr/bin/tee", copy), "check": argv("/bin/grep", "-q", "42", copy)],
            identity: "orders")
        try await stage.run("copy", id: "copy-orders", .systems(["orders"]), ["to": "vault"])
        let good = try await stage.run("verify", id: "verify", .step("copy-orders"), ["restore": ["into": "orders", "checks": [[:]]]])
        #expect(good.failure == nil)
        #expect(good.proofs.map(\.level) == [.restore])
        let bad = try await stage.run(
            "verify", id: "verify", .step("copy-orders"),
            ["restore": ["into": "orders", "checks": [["argv": argv("/bin/grep", "-q", "43", copy)]]]])
        #expect(bad.failure?.kind == .verification)
        #expect(bad.proofs.map(\.isGood) == [false])
    }

    @Test func thawWorksFromRecordedStateAndWhenNothingIsFrozen() async throws {
        let stage = try StepStage()
        let flag = stage.folder.file("frozen")
        try stage.declare(
            system: "shop", "command",
            [
                "quiesce": argv("/bin/sh", "-c", "touch \(flag); echo label-7"),
                "thaw": argv("/bin/sh", "-c", "rm -f \(flag); printf '%s' \"$SNAPPY_FLOW_QUIESCE_OUTPUT\""),
            ])
        try await stage.run("quiesce", id: "quiesce-shop", .systems(["shop"]), ["maxHold": "5s"])
        #expect(stage.exists("frozen"))
        let result = try await stage.undo("quiesce", id: "quiesce-shop", .systems(["shop"]))
        #expect(!stage.exists("frozen"))
        #expect(result.outputs["systems"]?["shop"]?["stdout"] == "label-7\n")
        try await stage.undo("quiesce", id: "quiesce-shop", .systems(["shop"]))
    }

    @Test func quiesceWithoutThawIsRefused() async throws {
        let stage = try StepStage()
        try stage.declare(system: "shop", "command", ["quiesce": argv("/bin/true")])
        let error = await #expect(throws: StepError.self) { try await stage.run("quiesce", id: "quiesce-shop", .systems(["shop"])) }
        #expect(error?.kind == .invalidSetting)
    }

    @Test func shellIsUsedOnlyWhenAskedFor() async throws {
        let stage = try StepStage()
        try stage.declare(system: "plain", "command", ["check": argv("/bin/echo", "$HOME", "|", "cat")])
        #expect(try await stage.check("plain")["stdout"] == "$HOME | cat\n")
        try stage.declare(system: "shell", "command", ["check": argv("echo $((40 + 2)) $1 | cat", "argument"), "shell": true])
        #expect(try await stage.check("shell")["stdout"] == "42 argument\n")
    }
}

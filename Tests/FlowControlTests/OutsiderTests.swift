import Basics
import FlowControl
import FlowModel
import Foundation
import Rigs
import Testing
import WorkflowEngine

/// What a worker says of its steps nobody else may. This file imports the engine as every outsider does.
@Suite struct OutsiderTests {
    /// Adding a case is a decision: this no longer compiles then.
    private func person(_ request: JobRequest) -> String {
        switch request {
        case .cancel(let person), .retry(let person), .abandon(_, let person): person
        case .signal(_, let signal): signal.by
        }
    }

    @Test func everyRequestNamesWhoAsks() {
        let requests: [JobRequest] = [
            .cancel(by: "ann"), .retry(by: "ann"), .abandon("thaw", by: "ann"), .signal("ask", StepSignal(isGood: true, by: "ann")),
        ]
        for request in requests { #expect(person(request) == "ann") }
    }

    /// The compiler refuses a public function with an internal type in it, so these two close every way in: the events, and what workers call.
    @Test(arguments: [("Run/RunEvent.swift", "enum RunEvent"), ("Services/RunStore.swift", "protocol RunStore")])
    func eventsOfWorkersAreTheEnginesOwn(_ file: String, _ declaration: String) throws {
        let source = try String(contentsOfFile: FlowRig.packageRoot + "/Sources/WorkflowEngine/" + file, encoding: .utf8)
        let line = try #require(source.split(separator: "\n").first { $0.contains(declaration) && !$0.hasPrefix("//") })
        #expect(line.hasPrefix(declaration), "\(line)")
    }

    /// Calls of `RunStore` that write what a worker alone knows are not offered beside it either.
    @Test(arguments: ["apply", "claim", "register", "heartbeat", "retire", "saveCheckpoint", "saveProgress", "appendLog", "settleAnew"])
    func callsOfWorkersAreTheEnginesOwn(_ call: String) throws {
        let folder = FlowRig.packageRoot + "/Sources/WorkflowEngine/Store/"
        var declarations: [String] = []
        for file in try FileManager.default.contentsOfDirectory(atPath: folder) where file.hasPrefix("EngineStore") {
            let source = try String(contentsOfFile: folder + file, encoding: .utf8)
            declarations += source.split(separator: "\n").map { $0.drop(while: { $0 == " " }) }.filter { $0.contains("func \(call)(") }
                .map(String.init)
        }
        #expect(!declarations.isEmpty)
        for declaration in declarations {
            #expect(declaration.hasPrefix("func ") || declaration.hasPrefix("private func "), "\(declaration)")
        }
    }
}

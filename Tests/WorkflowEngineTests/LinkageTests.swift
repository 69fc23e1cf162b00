import FlowModel
import Foundation
import Testing

@testable import WorkflowEngine

/// What the engine does not need, it does not load.
@Suite struct LinkageTests {
    /// The worker of these tests has the engine and no compiler: libyaml in it would have come with the engine.
    @Test func theEngineLinksNoYAML() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/ldd")
        process.arguments = [ServicesHand.program]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let libraries = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(libraries.contains("libpq"), "\(libraries)")
        #expect(!libraries.contains("yaml"), "\(libraries)")
    }
}

import Basics
import FlowModel
import Foundation
import Rigs
import StepKit
import Testing

extension SystemCheck {
    /// What every system promises that checks restored copies.
    static let verifying: [SystemCheck] = [
        SystemCheck("a good copy passes and a bad one does not", [.verifying]) { bench in
            let system = try await bench.open(as: (any Verifying).self)
            func settings(_ values: [String: JSONValue]) -> Settings { Settings(values, origin: "check") }
            let (good, bad) = try bench.sample.checks
            var context = bench.context
            context.restoredFolder = try await restored(bench)
            #expect(try await system.check(each: [settings(good), settings(good)], context).count == 2)
            context.restoredFolder = try await restored(bench, spoiled: true)
            let spoiled = context
            let error = await #expect(throws: StepError.self) { _ = try await system.check(each: [settings(bad)], spoiled) }
            #expect(error?.kind == .verification && error?.retry == .permanent, "\(String(describing: error))")
        }
    ]

    private static func restored(_ bench: SampleBench, spoiled: Bool = false) async throws -> String {
        let place = bench.folder.file("check/restored")
        // What a check before has left beside it goes, as after a step.
        try? FileManager.default.removeItem(atPath: bench.folder.file("check"))
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        try await bench.sample.restore(into: place, bench)
        if spoiled { try bench.sample.spoil(place) }
        return place
    }
}

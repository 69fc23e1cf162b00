import StepKit
import Testing

/// What every discovering system promises, to who has no step.
@Suite struct DiscoveringTests {
    @Test(arguments: SystemSample.all(with: .discovering))
    func whatIsThereIsListedByItsType(_ sample: SystemSample) async throws {
        let bench = try await SampleBench(sample)
        let found = try await bench.open(as: (any Discovering).self).discover(bench.opening)
        // Its sample is a folder without a database.
        #expect(found.isEmpty == (sample == .sqliteFolder))
        #expect(found.allSatisfy { $0.identity.hasPrefix(sample.rawValue + ":") && !$0.summary.isEmpty }, "\(found)")
        #expect(Set(found.map(\.identity)).count == found.count, "\(found)")
    }
}

import StepKit
import Testing

@testable import Steps

/// One promise of the capabilities' contracts, which every type keeps that has them.
struct SystemCheck: Sendable, CustomTestStringConvertible {
    let name: String
    let needs: Set<Capability>
    let body: @Sendable (SampleBench) async throws -> Void

    init(_ name: String, _ needs: Set<Capability>, _ body: @escaping @Sendable (SampleBench) async throws -> Void) {
        self.name = name
        self.needs = needs
        self.body = body
    }

    func callAsFunction(_ sample: any SystemSample.Type) async throws {
        let bench = try await SampleBench(sample)
        defer { withExtendedLifetime(bench) {} }
        try await body(bench)
    }

    var testDescription: String { name }

    static let every =
        snapshotting + quiescing + completing + discovering + inventorying + treeSource + treeDestination + imageSource + partSource
        + attaching + verifying

    /// Those that a type has to pass, by the capabilities that it declares.
    static func all(of type: String) -> [SystemCheck] {
        let capabilities = Catalog.hosted.system(type)?.capabilities ?? []
        return every
            .filter { $0.needs.isSubset(of: capabilities) }
    }
}

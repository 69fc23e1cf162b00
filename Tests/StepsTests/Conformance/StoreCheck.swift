import Testing

/// One promise of every object store: a test's argument.
struct StoreCheck: Sendable, CustomTestStringConvertible {
    let name: String
    /// Which servers it is for.
    let includes: @Sendable (StoreSample) -> Bool
    let body: @Sendable (StoreBench) async throws -> Void

    init(
        _ name: String, where includes: @escaping @Sendable (StoreSample) -> Bool = { _ in true },
        _ body: @escaping @Sendable (StoreBench) async throws -> Void
    ) {
        self.name = name
        self.includes = includes
        self.body = body
    }

    func callAsFunction(_ sample: StoreSample) async throws {
        let bench = try await StoreBench(sample)
        defer { withExtendedLifetime(bench) {} }
        try await body(bench)
    }

    var testDescription: String { name }

    /// What these servers have to keep.
    static func all(of samples: StoreSample...) -> [(StoreSample, StoreCheck)] {
        samples.flatMap { sample in promises.filter { $0.includes(sample) }.map { (sample, $0) } }
    }
}

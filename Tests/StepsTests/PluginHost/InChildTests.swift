import PluginHost
import Rigs
import StepKit
import Testing

@testable import Steps

/// Every type of this binary does in a child process what it does in the worker: the checks of its capabilities once more, through the protocol.
@Suite(.serialized) struct InChildTests {
    private static let host = HostCommand([FlowRig.binary, "host-plugin"])

    /// Those that live in the worker by themselves.
    private static let samples: [any SystemSample.Type] = [
        DirectorySample.self, FileSystemSample.self, BtrfsSample.self, ZFSSample.self, BlockDeviceSample.self, GuestSample.self,
        CommandSample.self, PostgreSQLSample.self,
    ]

    @Test func allOfThemAreAsked() {
        let inWorker = Catalog.standard.systems.filter { $0.isolation.reason == nil }.map { $0.name }
        #expect(Set(Self.samples.map { $0.type }) == Set(inWorker))
    }

    @Test(arguments: samples.map { $0.type }) func keepsItsPromises(_ type: String) async throws {
        let sample = try #require(Self.samples.first { $0.type == type })
        for check in SystemCheck.all(of: type) { try await SampleBench.$child.withValue(Self.host) { try await check(sample) } }
    }
}

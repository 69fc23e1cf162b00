import Crypto
import Basics
import Foundation
import StepKit
import StorageKit
import Testing

@testable import Steps

/// Requests keep a bandwidth as their bytes go over the wire, all of a store together.
@Suite struct StoreBandwidthTests {
    private static let rate = 2 << 20

    @Test(arguments: [StoreSample.radosgw, .restServer, .swift]) func noStoreIsFasterThanDeclared(_ sample: StoreSample) async throws {
        let bench = try await StoreBench(sample)
        let store = try #require(try await bench.made() as? any PacedStore)
        store.pace(by: BandwidthLimit(BandwidthSchedule(usual: Bandwidth(upload: Int64(Self.rate), download: Int64(Self.rate)))))
        let objects = (0..<3).map { [UInt8](repeating: UInt8($0), count: 1 << 20) }
        func name(_ bytes: [UInt8]) -> ObjectName {
            let id = SHA256.digest(bytes).hex
            return ObjectName("data/\(id.prefix(2))/\(id)")
        }
        let began = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for bytes in objects { group.addTask { try await store.put(name(bytes), bytes) } }
            try await group.waitForAll()
        }
        // 3 MiB at 2 MiB a second; the last pieces of each may be on their way when their wait begins.
        #expect(ContinuousClock.now - began >= .milliseconds(1200))
        let read = ContinuousClock.now
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for bytes in objects { group.addTask { try await store.get(name(bytes)) == bytes } }
            for try await isSame in group { #expect(isSame) }
        }
        #expect(ContinuousClock.now - read >= .milliseconds(1200))
    }
}

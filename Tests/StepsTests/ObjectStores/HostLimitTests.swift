import Basics
import Foundation
import Rigs
import StepKit
import StorageKit
import Synchronization
import Testing

@testable import Steps

/// `connections` counts what is under way at a server, whoever asks.
@Suite struct HostLimitTests {
    private final class Meter: Sendable {
        /// The first ones wait until so many are there.
        let gathering: Int
        private let state = Mutex((now: 0, most: 0, total: 0))
        var most: Int { state.withLock { $0.most } }
        var total: Int { state.withLock { $0.total } }

        init(gathering: Int) { self.gathering = gathering }

        /// On the server's thread for the connection: it may block.
        func request() {
            state.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1), $0.total + 1) }
            try? waitUntil("others are under way", seconds: 30) { most >= gathering }
            usleep(3000)  // what a request takes: others come meanwhile, if they may
            state.withLock { $0.now -= 1 }
        }
    }

    @Test(arguments: [true, false]) func repositoriesOfOneServerShareItsConnections(_ isShared: Bool) async throws {
        let meter = Meter(gathering: isShared ? 2 : 3)
        let server = try HTTPRig { _ in
            meter.request()
            return HTTPRig.answer("200 OK", "12345")
        }
        defer { server.stop() }
        let hosts = HostSlots()
        let stores = try await [1, 2, 3, 4].asyncMap { number in
            try await RESTRepositoryType().open(
                Settings(["url": .string("\(server.url)/\(number)/"), "connections": 2], origin: "test"),
                StoreContext(secrets: FileSecrets(), hosts: isShared ? hosts : HostSlots()))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<80 { group.addTask { _ = try await stores[index % 4].get("config") } }
            try await group.waitForAll()
        }
        #expect(meter.total == 80)
        if isShared {
            #expect(meter.most <= 2, "\(meter.most)")
        } else {
            #expect(meter.most > 2, "the meter sees when they do not: \(meter.most)")
        }
    }
}

extension Sequence {
    fileprivate func asyncMap<Value>(_ change: (Element) async throws -> Value) async rethrows -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await change(element)) }
        return values
    }
}

import Crypto
import Basics
import Foundation
import HTTPClient
import Rigs
import StepKit
import StorageKit
import Synchronization
import Testing

@testable import Steps

/// What is Swift's own: being let in, tokens that end, segments, policies, quotas.
@Suite struct SwiftTests {
    private func pack(_ bytes: [UInt8]) -> ObjectName {
        let id = SHA256.digest(bytes).hex
        return ObjectName("data/\(id.prefix(2))/\(id)")
    }

    private func container(_ store: any ObjectStore) throws -> SwiftContainer { try #require(store as? SwiftStore).container }

    private func secret(_ bench: StoreBench, _ text: String) throws -> JSONValue {
        let file = bench.folder.file("given-\(UInt32.random(in: .min ... .max))")
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return ["fromFile": .string(file)]
    }

    private func bytes(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            for index in buffer.indices { buffer[index] = UInt8(truncatingIfNeeded: index &* 31 ^ index >> 13) }
            filled = count
        }
    }

    @Test func wrongPasswordsAddressesAndContainersAreToldApart() async throws {
        let rig = try await OpenStackSwiftRig.running()
        let bench = try await StoreBench(.swift)
        func error(_ more: [String: JSONValue]) async throws -> StorageError? {
            await #expect(throws: StorageError.self) { try await bench.open(more).get("config") }
        }
        let password = try await error(["userPassword": secret(bench, "wrong")])
        #expect(password?.kind == .accessDenied && password?.advice.contains("userPassword") == true, "\(String(describing: password))")
        #expect(password?.description.contains("wrong") == false)
        let missing = try await error([:])
        #expect(missing?.kind == .notFound, "\(String(describing: missing))")
        let down = try await error(["authURL": "http://127.0.0.1:1/auth/v1.0"])
        #expect(down?.kind == .unavailable && down?.retry == .transient, "\(String(describing: down))")
        let elsewhere = try await error(["authURL": .string(rig.s3URL + "/healthcheck")])
        #expect(elsewhere?.kind == .invalid && elsewhere?.advice.contains("authURL") == true, "\(String(describing: elsewhere))")
        // Somebody else of the same account, who was given no container.
        _ = try await bench.made()
        let reader = try await error(["user": .string(rig.reader), "userPassword": secret(bench, rig.readerPassword)])
        #expect(reader?.kind == .accessDenied && reader?.advice.contains("roles") == true, "\(String(describing: reader))")
    }

    @Test func aTokenThatEndsIsRenewed() async throws {
        let rig = try await OpenStackSwiftRig.running()
        let bench = try await StoreBench(.swift)
        let store = try await bench.made()
        let account = try container(store).account
        let before = try await account.session()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in UInt8(0)..<4 {
                group.addTask {
                    for number in UInt8(0)..<12 { try await store.put(pack([lane, number]), [lane, number]) }
                }
            }
            group.addTask { try await rig.endTokens() }
            try await group.waitForAll()
        }
        try await rig.endTokens()
        #expect(try await store.get(pack([3, 11])) == [3, 11])
        #expect(try await account.session() != before)
    }

    /// Who is let in and refused afterwards is told so, soon.
    @Test func aRefusalAfterATokenIsAnError() async throws {
        let bench = try await StoreBench(.swift)
        let session = try await container(bench.made()).account.session()
        let asked = Mutex(0)
        let refusal = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        let port = try #require(URLComponents(string: session.url)?.port)
        let proxy = try FaultProxy(to: UInt16(port)) { _ in
            asked.withLock { $0 += 1 }
            return .answer(refusal)
        }
        defer { proxy.stop() }
        let url = session.url.replacing(":\(port)", with: ":\(proxy.port)")
        let error = await #expect(throws: StorageError.self) { try await bench.open(["storageURL": .string(url)]).get("config") }
        #expect(error?.kind == .accessDenied && error?.retry == .permanent, "\(String(describing: error))")
        #expect(asked.withLock { $0 } == 4)
    }

    @Test(arguments: [StoreSample.swift, .gatewaySwift]) func largeObjectsGoInSegments(_ sample: StoreSample) async throws {
        let bench = try await StoreBench(sample)
        // Swift says itself what it takes whole; the gateway has to be told.
        let store = try await bench.made(sample == .swift ? [:] : ["segmentSize": "24MiB"])
        let bytes = bytes(OpenStackSwiftRig.largestObject + 17)
        let name = pack(bytes)
        try await store.put(name, bytes)
        #expect(try await store.get(name) == bytes)
        #expect(try await store.get(name, range: (33 << 20)..<(33 << 20) + 5) == Array(bytes[(33 << 20)..<(33 << 20) + 5]))
        let listed = Mutex<[ObjectInfo]>([])
        try await bench.open().list(prefix: "data/") { page in listed.withLock { $0 += page } }
        #expect(listed.withLock { $0 } == [ObjectInfo(name: name, size: Int64(bytes.count))])
        let error = await #expect(throws: StorageError.self) { try await store.put(name, bytes) }
        #expect(error?.kind == .exists)
        #expect(try await segments(of: store) > 1)
        // Removed by who has never seen segments.
        try await bench.open().delete(name)
        #expect(try await segments(of: store) == 0)
        #expect(try await store.stat(name) == nil)
    }

    private func segments(of store: any ObjectStore) async throws -> Int {
        let own = try container(store)
        let beside = SwiftContainer(account: own.account, name: own.name + "_segments", prefix: own.prefix, text: own.text)
        var count = 0
        try await beside.list(prefix: "") { count += $0.count }
        return count
    }

    @Test func noSegmentOfAFailedUploadStays() async throws {
        let bench = try await StoreBench(.swift)
        let url = try await container(bench.made()).account.session().url
        let port = try #require(URLComponents(string: url)?.port)
        // Two segments get through on the first connection, and none on any other, however many there are.
        let proxy = try FaultProxy(to: UInt16(port)) { .cutUp($0 == 0 ? 9_000_000 : 3_000_000) }
        defer { proxy.stop() }
        let store = try await bench.open([
            "storageURL": .string(url.replacing(":\(port)", with: ":\(proxy.port)")), "segmentSize": "4MiB", "connections": 2,
        ])
        let bytes = bytes(30 << 20)
        await #expect(throws: StorageError.self) { try await store.put(pack(bytes), bytes) }
        #expect(try await segments(of: bench.open()) == 0)
        #expect(try await bench.open().stat(pack(bytes)) == nil)
        // The next try is nobody's heir.
        try await bench.open(["segmentSize": "4MiB"]).put(pack(bytes), bytes)
        #expect(try await segments(of: bench.open()) == 8)
    }

    @Test(arguments: [StoreSample.swift, .gatewaySwift]) func whatArrivesDamagedIsRefused(_ sample: StoreSample) async throws {
        let bench = try await StoreBench(sample)
        let place = try container(await bench.made())
        let error = await #expect(throws: StorageError.self) {
            try await place.ask(
                "PUT", key: "damaged", headers: [("ETag", MD5.hex([1, 2, 3]))], body: [1, 2, 4], statuses: [201], expected: "an object")
        }
        #expect(error?.kind == .unavailable && error?.retry == .transient, "\(String(describing: error))")
        #expect(try await place.send("HEAD", key: "damaged").status == 404)
    }

    @Test func aFullQuotaIsNoSpace() async throws {
        let bench = try await StoreBench(.swift)
        let store = try await bench.made()
        try await container(store).ask(
            "POST", key: nil, headers: [("X-Container-Meta-Quota-Bytes", "50")], statuses: [204], expected: "a quota")
        try await store.put(pack([1]), [1])
        let large = [UInt8](repeating: 2, count: 100)
        let refused = await #expect(throws: StorageError.self) { try await store.put(pack(large), large) }
        #expect(refused?.kind == .noSpace && refused?.advice.contains("quota") == true, "\(String(describing: refused))")
    }

    @Test func aContainerKeepsItsPolicy() async throws {
        let bench = try await StoreBench(.swift)
        let store = try await bench.made(["storagePolicy": "cold"])
        #expect(try await container(store).send("HEAD", key: nil).header("X-Storage-Policy") == "cold")
        try await store.put(pack([1]), [1])
        let other = await #expect(throws: StorageError.self) { try await bench.made(["storagePolicy": "Policy-0"]) }
        #expect(other?.kind == .unsupported && other?.advice.contains("cold") == true, "\(String(describing: other))")
        let unknown = try await StoreBench(.swift)
        let none = await #expect(throws: StorageError.self) { try await unknown.made(["storagePolicy": "warm"]) }
        #expect(none?.retry == .permanent && none?.expected.contains("warm") == true, "\(String(describing: none))")
    }

    @Test(arguments: [StoreSample.swift, .gatewaySwift]) func locksThatNobodyTakesAwayEnd(_ sample: StoreSample) async throws {
        let bench = try await StoreBench(sample)
        let store = try await bench.made()
        try await store.put(ObjectName("locks/" + SHA256.digest([5]).hex), [5])
        try await store.put(pack([6]), [6])
        let place = try container(store)
        let lock = try await place.send("HEAD", key: place.key("locks/" + SHA256.digest([5]).hex))
        #expect(lock.header("X-Delete-At") != nil)
        #expect(try await place.send("HEAD", key: place.key(pack([6]).text)).header("X-Delete-At") == nil)
    }

    @Test func settingsThatDoNotFitAreNamed() async throws {
        let bench = try await StoreBench(.local)
        let type = SwiftRepositoryType()
        func error(_ settings: [String: JSONValue]) -> StepError? {
            #expect(throws: StepError.self) { try type.identity(Settings(settings, origin: "repository sample")) }
        }
        let password = try secret(bench, "x")
        #expect(error(["container": "c", "authURL": "https://host/auth/v1.0", "user": "a:b"])?.expected.contains("userPassword") == true)
        let keystone: [String: JSONValue] = ["container": "c", "authURL": "https://host:5000/v3/", "user": "a", "userPassword": password]
        #expect(error(keystone)?.expected.contains("project") == true)
        #expect(
            try type.identity(Settings(keystone.merging(["project": "p", "prefix": "/a/b/"]) { $1 }, origin: "r"))
                == "swift:https://host:5000/v3 p c/a/b")
        #expect(error(keystone.merging(["applicationCredential": "id"]) { $1 })?.expected.contains("applicationSecret") == true)
        #expect(error(keystone.merging(["project": "p", "container": "a/b"]) { $1 })?.advice.contains("prefix") == true)
        #expect(error(keystone.merging(["project": "p", "authURL": "host:5000/v3"]) { $1 })?.expected.contains("URL") == true)
    }
}

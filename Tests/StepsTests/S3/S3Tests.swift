import FlowModel
import Crypto
import Basics
import Foundation
import HTTPClient
import Repository
import Rigs
import StepKit
import StorageKit
import Synchronization
import Testing

@testable import Steps

/// What is S3's own, on Ceph's gateway, which is strict, and on moto where that knows more.
@Suite struct S3Tests {
    private func pack(_ bytes: [UInt8]) -> ObjectName {
        let id = SHA256.digest(bytes).hex
        return ObjectName("data/\(id.prefix(2))/\(id)")
    }

    private func secret(_ bench: StoreBench, _ text: String) throws -> JSONValue {
        let file = bench.folder.file("given-\(UInt32.random(in: .min ... .max))")
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return ["fromFile": .string(file)]
    }

    @Test func bothServersRefuseToReplaceAndItIsKnown() async throws {
        for sample in [StoreSample.radosgw, .moto] {
            let bench = try await StoreBench(sample)
            #expect(try await bench.made().properties.createOnlyIsAtomic, "\(sample)")
            #expect(try await bench.open().properties.createOnlyIsAtomic == false, "nobody has tried")
        }
    }

    @Test func wrongKeysBucketsAndClocksAreToldApart() async throws {
        let bench = try await StoreBench(.radosgw)
        _ = try await bench.made()
        func error(_ more: [String: JSONValue]) async throws -> StorageError? {
            await #expect(throws: StorageError.self) { try await bench.open(more).get("config") }
        }
        let wrongSecret = try await error(["secretKey": secret(bench, "wrong")])
        #expect(
            wrongSecret?.kind == .accessDenied && wrongSecret?.advice.contains("secretKey") == true, "\(String(describing: wrongSecret))")
        let unknown = try await error(["accessKey": secret(bench, "NOBODY")])
        #expect(unknown?.kind == .accessDenied && unknown?.advice.contains("accessKey") == true, "\(String(describing: unknown))")
        let missing = try await error(["bucket": .string("nowhere-\(UInt32.random(in: .min ... .max))")])
        #expect(missing?.kind == .notFound && missing?.advice.contains("bucket") == true, "\(String(describing: missing))")
        let down = try await error(["endpoint": "http://127.0.0.1:1"])
        #expect(down?.kind == .unavailable && down?.retry == .transient)
        #expect(down?.description.contains("secret") == false)
        let http = try await error(["endpoint": .string((bench.settings["endpoint"]?.stringValue ?? "").replacing("http:", with: "https:"))]
        )
        #expect(http?.retry != nil && http?.kind != .notFound, "\(String(describing: http))")

        // Our clock is twenty minutes ahead, with the right keys; of a HEAD there is no word but the status.
        let store = try #require(try await bench.open() as? S3Store)
        var ahead = store.connection
        ahead.now = { Date.now.addingTimeInterval(1200) }
        let late = S3Store(connection: ahead, storageClass: nil, encryption: nil, lock: nil, partBytes: 32 << 20)
        for call in [{ _ = try await late.get("config") }, { _ = try await late.stat("config") }] as [() async throws -> Void] {
            let skewed = await #expect(throws: StorageError.self) { try await call() }
            #expect(skewed?.advice.contains("NTP") == true && skewed?.retry == .permanent, "\(String(describing: skewed))")
        }
    }

    @Test(arguments: [StoreSample.radosgw, .moto]) func largeObjectsGoInParts(_ sample: StoreSample) async throws {
        let bench = try await StoreBench(sample)
        let store = try await bench.made()
        let bytes = [UInt8](unsafeUninitializedCapacity: (65 << 20) + 17) { buffer, count in
            for index in buffer.indices { buffer[index] = UInt8(truncatingIfNeeded: index &* 31 ^ index >> 13) }
            count = buffer.count
        }
        let name = pack(bytes)
        try await store.put(name, bytes)
        #expect(try await store.get(name) == bytes)
        #expect(try await store.get(name, range: (33 << 20)..<(33 << 20) + 5) == Array(bytes[(33 << 20)..<(33 << 20) + 5]))
        let error = await #expect(throws: StorageError.self) { try await store.put(name, bytes) }
        #expect(error?.kind == .exists)
        // No upload is left open.
        let connection = try #require(store as? S3Store).connection
        let uploads = try await connection.ask("GET", key: nil, query: [("uploads", "")], expected: "a list")
        #expect(S3Document(uploads.body)?.all("Upload").isEmpty == true)
    }

    @Test func aDamagedUploadIsRefused() async throws {
        let bench = try await StoreBench(.radosgw)
        let store = try #require(try await bench.made() as? S3Store)
        // The name says what was sent; what arrives is something else.
        let error = await #expect(throws: StorageError.self) { try await store.put(pack([1, 2, 3]), [1, 2, 4]) }
        #expect(error?.kind == .unavailable && error?.retry == .transient, "\(String(describing: error))")
        #expect(try await store.stat(pack([1, 2, 3])) == nil)
    }

    @Test func aFullQuotaIsNoSpace() async throws {
        let rig = try await RadosGatewayRig.running()
        let bench = try await StoreBench(.radosgw)
        let store = try await bench.made()
        let bucket = try #require(bench.settings["bucket"]?.stringValue)
        try await rig.administer("quota", "set", "--quota-scope=bucket", "--bucket=\(bucket)", "--max-objects=1")
        try await rig.administer("quota", "enable", "--quota-scope=bucket", "--bucket=\(bucket)")
        var refused: StorageError?
        for number in UInt8(0)..<20 where refused == nil {
            do { try await store.put(pack([number]), [number]) } catch let error as StorageError { refused = error }
        }
        #expect(refused?.kind == .noSpace && refused?.advice.contains("quota") == true, "\(String(describing: refused))")
    }

    @Test func protectionsThatAreNotThereAreNoticed() async throws {
        let bench = try await StoreBench(.radosgw)
        _ = try await bench.made()
        // The bucket was made without object lock: it can't be had any more.
        let lock: [String: JSONValue] = ["objectLock": "compliance", "retain": "1h"]
        let locked = await #expect(throws: StorageError.self) { try await bench.open(lock).create() }
        #expect(locked?.kind == .unsupported && locked?.advice.contains("new bucket") == true, "\(String(describing: locked))")
        let late = await #expect(throws: StorageError.self) { try await bench.open(lock).put("config", [1]) }
        #expect(late != nil)
        // moto has what this gateway has not been given keys for.
        let broad = try await StoreBench(.moto)
        let encrypted = try await broad.made(["encryption": "AES256", "storageClass": "STANDARD_IA"])
        try await encrypted.put(pack([1]), [1])
        let answer = try #require(encrypted as? S3Store).connection
        let headers = try await answer.send("HEAD", key: "site/one/" + pack([1]).text)
        #expect(headers.header("x-amz-storage-class") == "STANDARD_IA" && headers.header("x-amz-server-side-encryption") == "AES256")
        let refused = await #expect(throws: StorageError.self) { try await bench.open(["encryption": "AES256"]).put(pack([2]), [2]) }
        #expect(refused != nil, "the gateway can't encrypt and does not say so")
    }

    /// Another host's file, or an old one, lacks two lines: what is locked is kept all the same, and not hidden.
    @Test func aLockThatWasNotDeclaredIsRespected() async throws {
        let bench = try await StoreBench(.radosgw)
        try await bench.made(["objectLock": "compliance", "retain": "1h"]).put(pack([3]), [3])
        let plain = try await bench.open()
        let kept = await #expect(throws: StorageError.self) { try await plain.delete(pack([3])) }
        #expect(kept?.kind == .retained, "\(String(describing: kept))")
        #expect(try await plain.get(pack([3])) == [3])
    }

    /// Of a real server: by a key that it has, and in a pool of their own; whole objects and those in parts.
    @Test func packsAreEncryptedAndStoredInAClassOfTheirOwn() async throws {
        let bench = try await StoreBench(.radosgw)
        let key = try await RadosGatewayRig.running().encryptionKey
        let settings: [String: JSONValue] = [
            "encryption": "aws:kms", "encryptionKey": .string(key), "storageClass": "STANDARD_IA", "partSize": "5MiB",
        ]
        let store = try #require(try await bench.made(settings) as? S3Store)
        for bytes in [[UInt8](repeating: 1, count: 1000), [UInt8](repeating: 2, count: 11 << 20)] {
            try await store.put(pack(bytes), bytes)
            let headers = try await store.connection.send("HEAD", key: "site/one/" + pack(bytes).text)
            #expect(headers.header("x-amz-server-side-encryption") == "aws:kms", "\(bytes.count)")
            #expect(headers.header("x-amz-server-side-encryption-aws-kms-key-id") == key, "\(bytes.count)")
            #expect(headers.header("x-amz-storage-class") == "STANDARD_IA", "\(bytes.count)")
            #expect(try await bench.open().get(pack(bytes)) == bytes)
        }
        let other = try await bench.open(settings.merging(["encryptionKey": "no-such-key"]) { $1 })
        let refused = await #expect(throws: StorageError.self) { try await other.put(pack([3]), [3]) }
        #expect(refused?.retry == .permanent, "\(String(describing: refused))")
        let unknown = try await bench.open(["storageClass": "NOWHERE"])
        let nowhere = await #expect(throws: StorageError.self) { try await unknown.put(pack([4]), [4]) }
        #expect(nowhere?.retry == .permanent, "\(String(describing: nowhere))")
    }

    /// The gateway checks the token with every request; what it signs is a part of ours.
    @Test func temporaryCredentialsDoWhatTheirUserMay() async throws {
        let bench = try await StoreBench(.radosgw)
        _ = try await bench.made()
        let gateway = try await SessionGatewayRig.running()
        let session = try await gateway.session()
        var settings: [String: JSONValue] = [
            "endpoint": .string(gateway.url),
            "accessKey": try secret(bench, session.accessKey), "secretKey": try secret(bench, session.secretKey),
            "sessionToken": try secret(bench, session.token), "partSize": "5MiB",
        ]
        let store = try await bench.open(settings)
        for bytes in [[UInt8](repeating: 1, count: 1000), [UInt8](repeating: 2, count: 11 << 20)] {
            try await store.put(pack(bytes), bytes)
            #expect(try await bench.open().get(pack(bytes)) == bytes)
            #expect(try await store.stat(pack(bytes)) != nil)
        }
        try await store.delete(pack([UInt8](repeating: 1, count: 1000)))
        for token in [nil, "another" + session.token] {
            settings["sessionToken"] = try token.map { try secret(bench, $0) }
            let refused = await #expect(throws: StorageError.self) { try await bench.open(settings).get("config") }
            // This gateway calls a token that it can't read an invalid argument.
            #expect(refused?.retry == .permanent && (token != nil || refused?.kind == .accessDenied), "\(String(describing: refused))")
            #expect(refused?.description.contains(session.token) == false)
        }
    }

    /// The bucket in the host's name, on a server that knows its own name.
    @Test func theBucketCanBeInTheHostsName() async throws {
        let bench = try await StoreBench(.radosgw)
        let endpoint = try #require(bench.settings["endpoint"]?.stringValue).replacing("127.0.0.1", with: "localhost")
        let settings: [String: JSONValue] = ["endpoint": .string(endpoint), "addressing": "virtual", "partSize": "5MiB"]
        let store = try #require(try await bench.made(settings) as? S3Store)
        #expect(store.connection.place.host.hasPrefix((bench.settings["bucket"]?.stringValue ?? "?") + ".localhost:"))
        let large = [UInt8](repeating: 7, count: 11 << 20)
        try await store.put(pack(large), large)
        try await store.put(pack([1]), [1])
        // It is the same bucket by the other address.
        #expect(try await bench.open().get(pack(large)) == large)
        let names = Mutex<Set<ObjectName>>([])
        try await store.list(prefix: "data/") { page in names.withLock { $0.formUnion(page.map(\.name)) } }
        #expect(names.withLock { $0 } == [pack(large), pack([1])])
        try await store.delete(pack([1]))
        #expect(try await bench.open().stat(pack([1])) == nil)
    }

    /// A server that checks the region says which it is.
    @Test func anotherRegionIsNamed() async throws {
        let bench = try await StoreBench(.swiftS3)
        _ = try await bench.made()
        let other = await #expect(throws: StorageError.self) { try await bench.open(["region": "eu-west-9"]).get("config") }
        #expect(other?.kind == .invalid && other?.advice.contains("us-east-1") == true, "\(String(describing: other))")
    }

    private static let prune: [String: JSONValue] = ["keep": ["last": 1], "reclaimEvery": "0s"]

    /// Three copies in a bucket whose objects are kept for `retain`.
    private func copies(_ bench: StoreBench, retain: JSONValue) async throws -> (stage: StepStage, store: S3Store) {
        let settings = bench.settings.merging(["objectLock": "compliance", "retain": retain]) { $1 }
        let stage = try StepStage()
        try stage.declare(repository: "vault", "s3", settings)
        try stage.declare(system: "home", "directory", ["path": .string(stage.folder.file("data"))])
        try FileManager.default.createDirectory(atPath: stage.folder.file("data"), withIntermediateDirectories: true)
        for round in 1...3 {
            try Data((0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> round) }).write(
                to: URL(fileURLWithPath: stage.folder.file("data/file")))
            try await stage.run("copy", id: StepID("copy-\(round)"), .systems(["home"]), ["to": "vault"])
        }
        return (stage, try #require(try await bench.open(settings) as? S3Store))
    }

    @Test func nothingGoesBeforeItsTimeAndAPruneGoesOnWithoutIt() async throws {
        let bench = try await StoreBench(.radosgw)
        let (stage, store) = try await copies(bench, retain: "1h")
        let early = await #expect(throws: StorageError.self) { try await store.delete("config") }
        #expect(early?.kind == .retained && early?.retry == .permanent, "\(String(describing: early))")
        let first = try await stage.run("prune", id: "prune", .repository("vault"), Self.prune)
        #expect(first.outputs["removed"] == 0 && first.outputs["kept"] == 3, "\(first.outputs)")
        #expect(stage.recorder.lines.contains { $0.contains("locked for a time") })
        let repository = try await Repository.open(store, password: Array(StepStage.password.utf8))
        #expect(try await repository.check(CheckOptions(read: .all)).isSound)
        try await bench.restic(password: StepStage.password).succeed("check", "--read-data")
    }

    /// Who may not remove what is locked can hide it; the page says how it comes back.
    @Test func whatSomebodyHidComesBack() async throws {
        let bench = try await StoreBench(.radosgw)
        let (_, store) = try await copies(bench, retain: "1h")
        let before = try await Repository.open(store, password: Array(StepStage.password.utf8)).snapshotList().snapshots.count
        var keys: [String] = []
        let listed = Mutex<[ObjectName]>([])
        try await store.list(prefix: "") { page in listed.withLock { $0 += page.map(\.name) } }
        keys = listed.withLock { $0 }.map(\.text)
        for key in keys { _ = try await store.connection.send("DELETE", key: "site/one/" + key) }
        #expect(try await store.stat("config") == nil && before == 3)

        let page = try String(contentsOfFile: FlowRig.packageRoot + "/docs/repositories/s3.md", encoding: .utf8)
        let code = try #require(page.split(separator: "```python\n").last?.split(separator: "```").first)
        let gateway = try await RadosGatewayRig.running()
        try await HostProgram.run([
            "env", "AWS_ACCESS_KEY_ID=\(gateway.accessKey)", "AWS_SECRET_ACCESS_KEY=\(gateway.secretKey)", "AWS_DEFAULT_REGION=us-east-1",
            FlowRig.packageRoot + "/.venv-tests/bin/python", "-c", String(code), gateway.url,
            try #require(bench.settings["bucket"]?.stringValue), "site/one",
        ])
        let repository = try await Repository.open(store, password: Array(StepStage.password.utf8))
        let report = try await repository.check(CheckOptions(read: .all))
        #expect(report.isSound && report.snapshots == 3, "\(report.problems)")
    }

    /// The space comes back with the time: also that of the hidden versions.
    @Test func whatIsNotNeededGoesWhenItsTimeIsOver() async throws {
        let bench = try await StoreBench(.radosgw)
        let (stage, store) = try await copies(bench, retain: "3s")
        var removed: Int64 = 0
        try await eventually("the copies go", within: .seconds(120), every: .milliseconds(500)) {
            removed += try await stage.run("prune", id: "prune", .repository("vault"), Self.prune).outputs["removed"]?.intValue ?? 0
            return removed >= 2
        }
        #expect(removed == 2)
        let repository = try await Repository.open(store, password: Array(StepStage.password.utf8))
        // The last of them may have gone while a pack of it was still kept.
        try await eventually("no hidden version of a pack is left", within: .seconds(120), every: .milliseconds(500)) {
            _ = try await repository.prune(PruneOptions(maximumUnused: nil))
            let versions = try await store.connection.ask("GET", key: nil, query: [("versions", "")], expected: "versions")
            let hidden = S3Document(versions.body)?.all("Version").filter {
                $0["IsLatest"] == "false" && $0["Key"]?.contains("/data/") == true
            }
            return hidden?.isEmpty == true
        }
        let report = try await repository.check(CheckOptions(read: .all))
        #expect(report.isSound && report.snapshots == 1, "\(report.problems)")
        try await bench.restic(password: StepStage.password).succeed("check", "--read-data")
    }

    @Test func settingsThatCantBeAreRefused() throws {
        let type = S3RepositoryType()
        let keys: [String: JSONValue] = ["accessKey": ["fromEnv": "A"], "secretKey": ["fromEnv": "B"]]
        func identity(_ settings: [String: JSONValue]) throws -> String {
            try type.identity(Settings(keys.merging(settings) { $1 }, origin: "repository x"))
        }
        for settings in [
            ["bucket": "ab"], ["bucket": "a/b/c"], ["bucket": "b ucket"], ["bucket": "good", "endpoint": "ftp://x"],
            ["bucket": "good", "endpoint": "http://u:p@x"], ["bucket": "good", "endpoint": "http://x/path"],
            ["bucket": "good", "prefix": "a/../b"], ["bucket": "good", "prefix": "a\nb"], ["bucket": "good", "retain": "1d"],
            ["bucket": "good", "objectLock": "compliance"],
        ] as [[String: JSONValue]] {
            #expect(throws: StepError.self, "\(settings)") { try identity(settings) }
        }
        #expect(try identity(["bucket": "vault", "region": "eu-west-1"]) == "s3:https://s3.eu-west-1.amazonaws.com/vault")
        #expect(
            try identity(["bucket": "vault", "endpoint": "https://host:443/", "prefix": "/a//b/"]) == "s3:https://host/vault/a/b")
        let place = try S3Place(
            endpoint: "https://s3.eu-west-1.amazonaws.com", bucket: "vault", prefix: "p", addressing: .auto, origin: "x")
        #expect(place.host == "vault.s3.eu-west-1.amazonaws.com" && place.path(ofKey: "p/a b") == "/p/a%20b")
        let own = try S3Place(endpoint: "http://host:9000", bucket: "vault", prefix: "", addressing: .auto, origin: "x")
        #expect(own.host == "host:9000" && own.path(ofKey: nil) == "/vault")
    }

    /// Blanks, letters of other languages, and what means something in addresses: restic finds the repository where we put it.
    @Test(arguments: [StoreSample.radosgw, .moto]) func aPrefixIsAnyText(_ sample: StoreSample) async throws {
        let bench = try await StoreBench(sample)
        let prefix = "Büro nord/e\u{301} + 50%"
        let store = try await bench.made(["prefix": .string(prefix)])
        // Beside it one that Swift calls equal, and a server does not.
        let other = try await bench.made(["prefix": "Büro nord/\u{e9} + 50%"])
        let name = pack([1])
        try await store.put(name, [1])
        let listed = Mutex<[ObjectName]>([])
        try await store.list(prefix: "data/") { page in listed.withLock { $0 += page.map(\.name) } }
        #expect(listed.withLock { $0 } == [name])
        #expect(try await other.stat(name) == nil)
        #expect(try await store.get(name) == [1])
    }

    /// OpenStack Swift's S3 layer takes a lock, and an encryption, and forgets them; it does not know the condition that nothing is replaced.
    @Test func aServerThatPromisesAndForgetsIsFoundOut() async throws {
        let bench = try await StoreBench(.swiftS3)
        #expect(try await bench.made().properties.createOnlyIsAtomic == false)
        let lock: [String: JSONValue] = ["objectLock": "compliance", "retain": "1h"]
        let locked = await #expect(throws: StorageError.self) {
            try await bench.made(lock.merging(["bucket": .string("locked-\(UInt32.random(in: .min ... .max))")]) { $1 })
        }
        #expect(locked?.kind == .unsupported && locked?.retry == .permanent, "\(String(describing: locked))")
        let open = await #expect(throws: StorageError.self) { try await bench.open(["encryption": "AES256"]).put(pack([1]), [1]) }
        #expect(open?.kind == .unsupported && open?.found.contains("encryption") == true, "\(String(describing: open))")
    }
}

import Basics
import Foundation
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Steps

/// What is a database's own.
@Suite struct SQLStoreTests {
    @Test func wrongPasswordsDatabasesAndRightsAreToldApart() async throws {
        let bench = try await StoreBench(.sql)
        _ = try await bench.made()
        func error(_ more: [String: JSONValue], _ call: (any ObjectStore) async throws -> Void = { _ = try await $0.get("config") })
            async throws -> StorageError?
        {
            await #expect(throws: StorageError.self) { try await call(try await bench.open(more)) }
        }
        try "wrong".write(toFile: bench.folder.file("wrong"), atomically: true, encoding: .utf8)
        let password = try await error(["userPassword": ["fromFile": .string(bench.folder.file("wrong"))]])
        #expect(password?.kind == .accessDenied && password?.retry == .permanent, "\(String(describing: password))")
        let database = try await error(["database": "nowhere"])
        #expect(database?.kind == .notFound && database?.advice.contains("create the database") == true, "\(String(describing: database))")
        let down = try await error(["host": .string(bench.folder.path)])
        #expect(down?.kind == .unavailable && down?.retry == .transient, "\(String(describing: down))")
        // A database without tables: reading makes none, and the word is what to do.
        let empty = try await error(["database": "postgres"]) { try await $0.put("config", [1]) }
        #expect(empty?.kind == .notFound && empty?.advice.contains("create: true") == true, "\(String(describing: empty))")
        let rights = try await error(["database": "postgres"]) { try await $0.create() }
        #expect(rights?.kind == .accessDenied, "\(String(describing: rights))")
        for error in [password, database, down, empty, rights] { #expect(error?.description.contains("geheim") == false) }
    }

    @Test func repositoriesOfOneDatabaseDoNotMix() async throws {
        let (one, two) = (try await StoreBench(.sql), try await StoreBench(.sql))
        try await one.made().put("config", [1])
        let second = try await two.made()
        #expect(try await second.stat("config") == nil)
        try await second.put("config", [2])
        try await one.open().delete("config")
        #expect(try await second.get("config") == [2])
    }

    /// A writer that goes in the middle leaves nothing.
    @Test func halfOfAnObjectIsNone() async throws {
        let bench = try await StoreBench(.sql)
        let server = try await StoreSample.database.value
        // Sessions of other tests are left alone.
        let database = "half\(UInt32.random(in: .min ... .max))"
        try await server.execute("CREATE DATABASE \(database) OWNER keeper")
        let store = try await bench.made(["database": .string(database)])
        let bytes = [UInt8](repeating: 9, count: 24 << 20)
        let put = Task { try await store.put("data/00/half", bytes) }
        var ended = 0
        while ended == 0, !put.isCancelled {
            let text = try await server.value(
                "SELECT count(pg_terminate_backend(pid))::text AS value FROM pg_stat_activity WHERE state IN ('active', 'idle in transaction') AND query LIKE '%snappy_flow_pieces%' AND datname = '\(database)'"
            )
            ended = Int(text ?? "0") ?? 0
            if ended == 0, try await store.stat("data/00/half") != nil { break }
        }
        let result = await put.result
        if case .failure(let error) = result {
            #expect((error as? StorageError)?.kind == .unavailable, "\(error)")
            #expect(try await store.stat("data/00/half") == nil)
            try await store.put("data/00/half", bytes)
        }
        #expect(try await store.get("data/00/half") == bytes)
    }
}

import Basics
import PostgreSQL
import StorageKit

/// A repository in two tables of a PostgreSQL database. An object is stored in pieces within one transaction: it is there whole, or not.
struct SQLStore: ObjectStore {
    let pool: Pool
    /// The repository's name within the database.
    let repository: String
    let properties: ObjectStoreProperties

    private static let pieceBytes: Int64 = 1 << 20

    private func key(_ name: ObjectName) -> [SQLValue] { [.text(repository), .text(name.text)] }
    private func location(_ name: ObjectName?) -> String { properties.location + (name.map { " \($0)" } ?? "") }

    /// Errors in the terms of a store.
    private func translated<Value>(_ name: ObjectName? = nil, _ body: () async throws -> Value) async throws -> Value {
        do { return try await body() } catch let error as PostgreSQLError {
            throw StorageError(error, at: location(name))
        }
    }

    func create() async throws {
        try await translated {
            try await pool.transaction { connection in
                for query in [StoreQuery.lock, .objects, .pieces, .external] { try await connection.query(query.text) }
            }
        }
    }

    func put(_ name: ObjectName, _ bytes: [UInt8]) async throws {
        try await translated(name) {
            try await pool.transaction { connection in
                // Whoever adds the same at the same time waits here, and is refused when we commit.
                try await connection.query(StoreQuery.add.text, key(name) + [.int(bytes.count)])
                for (number, start) in stride(from: 0, to: bytes.count, by: Int(Self.pieceBytes)).enumerated() {
                    let piece = Array(bytes[start..<min(start + Int(Self.pieceBytes), bytes.count)])
                    try await connection.query(StoreQuery.addPiece.text, key(name) + [.int(number), .bytes(piece)])
                }
            }
        }
    }

    func stat(_ name: ObjectName) async throws -> ObjectInfo? {
        do {
            return try await pool.query(StoreQuery.size.text, key(name)).first.map {
                ObjectInfo(name: name, size: try $0.get("size"))
            }
        } catch let error as PostgreSQLError where error.sqlState == .undefinedTable {
            return nil
        } catch let error as PostgreSQLError {
            throw StorageError(error, at: location(name))
        }
    }

    func get(_ name: ObjectName) async throws -> [UInt8] {
        guard let size = try await stat(name)?.size else { throw missing(name) }
        return try await read(name, 0..<size)
    }

    func get(_ name: ObjectName, range: Range<Int64>) async throws -> [UInt8] {
        guard !range.isEmpty else { return [] }
        guard let size = try await stat(name)?.size else { throw missing(name) }
        guard range.upperBound <= size else { throw short(name, range.upperBound, size) }
        return try await read(name, range)
    }

    private func read(_ name: ObjectName, _ range: Range<Int64>) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count)
        try await translated(name) {
            var offset = range.lowerBound
            while offset < range.upperBound {
                let (number, within) = offset.quotientAndRemainder(dividingBy: Self.pieceBytes)
                let count = min(Self.pieceBytes - within, range.upperBound - offset)
                let rows = try await pool.query(StoreQuery.piece.text, key(name) + [.int(number), .int(within + 1), .int(count)])
                guard let piece = try rows.first?.get("bytes", as: SQLBytes.self).bytes else { throw missing(name) }
                guard piece.count == Int(count) else { throw short(name, offset + count, offset + Int64(piece.count)) }
                bytes += piece
                offset += count
            }
        }
        return bytes
    }

    private func missing(_ name: ObjectName) -> StorageError {
        StorageError(
            .notFound, expected: "an object", found: "none", at: location(name),
            advice: "check the database and `name`; create the repository first")
    }

    private func short(_ name: ObjectName, _ expected: Int64, _ found: Int64) -> StorageError {
        StorageError(
            .truncated, expected: "at least \(expected.counted("byte"))", found: found.counted("byte"), at: location(name),
            advice: "the object was cut short; run a check")
    }

    func list(prefix: String, _ page: @Sendable ([ObjectInfo]) async throws -> Void) async throws {
        var last = ""
        while true {
            let rows: Rows
            do { rows = try await pool.query(StoreQuery.list.text, [.text(repository), .text(prefix), .text(last)]) } catch let error
                as PostgreSQLError
            {
                if error.sqlState == .undefinedTable { return }
                throw StorageError(error, at: location(nil))
            }
            let found = try rows.map { ObjectInfo(name: ObjectName(try $0.get("name")), size: try $0.get("size")) }
            guard let end = found.last else { return }
            try await page(found)
            last = end.name.text
        }
    }

    func delete(_ name: ObjectName) async throws {
        do { try await pool.query(StoreQuery.remove.text, key(name)) } catch let error as PostgreSQLError {
            if error.sqlState == .undefinedTable { return }
            throw StorageError(error, at: location(name))
        }
    }
}

extension StorageError {
    /// What a database's error means to a store.
    fileprivate init(_ error: PostgreSQLError, at location: String) {
        let (kind, advice): (ErrorKind, String) =
            switch error.sqlState {
            case .uniqueViolation?: (.exists, "")
            case .undefinedTable?: (.notFound, "create the repository first: a first copy with `create: true`, or `repository init`")
            case .undefinedDatabase?: (.notFound, error.advice)
            case .readOnly?: (.unavailable, error.advice)
            case let state? where ["28P01", "28000", "42501"].contains(state.rawValue): (.accessDenied, error.advice)
            case let state? where state.rawValue == "53100": (.noSpace, error.advice)
            default: (error.retry == .transient ? .unavailable : .failed, error.advice)
            }
        self.init(
            kind, expected: kind == .exists ? "a new object" : error.expected,
            found: kind == .exists ? "one that is there already" : error.found, at: location, advice: advice, retry: error.retry)
    }
}

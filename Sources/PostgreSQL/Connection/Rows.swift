import CLibPQ
import Basics

/// What a statement returned.
public struct Rows: Sendable, RandomAccessCollection {
    private let result: ResultHandle
    private let columns: [String: Int32]
    public let endIndex: Int
    public var startIndex: Int { 0 }

    init(_ result: ResultHandle) {
        self.result = result
        var columns: [String: Int32] = [:]
        for index in 0..<PQnfields(result.raw) { columns[String(cString: PQfname(result.raw, index))] = index }
        self.columns = columns
        endIndex = Int(PQntuples(result.raw))
    }

    public subscript(position: Int) -> Row {
        precondition(indices.contains(position))
        return Row(result: result, columns: columns, index: Int32(position))
    }

    /// How many rows an INSERT, UPDATE or DELETE touched; for a SELECT, how many it returned.
    public var affected: Int { Int(String(cString: PQcmdTuples(result.raw))) ?? 0 }
}

/// One row, its columns read by name.
public struct Row: Sendable {
    fileprivate let result: ResultHandle
    fileprivate let columns: [String: Int32]
    fileprivate let index: Int32

    /// The column's value. Throws when there is no such column, when it is NULL, or when it is something else: a mistake in the statement.
    public func get<Value: SQLDecodable>(_ column: String, as type: Value.Type = Value.self) throws(PostgreSQLError) -> Value {
        guard let value = try find(column, as: type) else { throw mismatch(column, expected: Value.sqlExpectation, found: "NULL") }
        return value
    }

    /// As `get`; nil for NULL.
    public func find<Value: SQLDecodable>(_ column: String, as type: Value.Type = Value.self) throws(PostgreSQLError) -> Value? {
        guard let number = columns[column] else {
            throw mismatch(column, expected: "a column of that name", found: columns.keys.sorted().joined(separator: ", "))
        }
        guard PQgetisnull(result.raw, index, number) == 0 else { return nil }
        let bytes = UnsafeRawBufferPointer(start: PQgetvalue(result.raw, index, number), count: Int(PQgetlength(result.raw, index, number)))
        let text = String(decoding: bytes, as: UTF8.self)
        guard let value = Value(sqlText: text) else {
            throw mismatch(column, expected: Value.sqlExpectation, found: String(text.prefix(80)))
        }
        return value
    }

    /// The first column as the server writes it, whatever it is called; nil for NULL or when there is none.
    public var firstText: String? {
        guard PQnfields(result.raw) > 0, PQgetisnull(result.raw, index, 0) == 0 else { return nil }
        let bytes = UnsafeRawBufferPointer(start: PQgetvalue(result.raw, index, 0), count: Int(PQgetlength(result.raw, index, 0)))
        return String(decoding: bytes, as: UTF8.self)
    }

    private func mismatch(_ column: String, expected: String, found: String) -> PostgreSQLError {
        PostgreSQLError(.unexpectedColumn, expected: expected, found: found, at: "column \(column)")
    }
}

import CLibPQ

/// The sole owner of a libpq connection. Used by one thread at a time.
final class Handle: @unchecked Sendable {  // the owning actor's executor is its one thread
    let raw: OpaquePointer
    init(_ raw: OpaquePointer) {
        self.raw = raw
        // Notices go nowhere instead of to standard error.
        PQsetNoticeProcessor(raw, { _, _ in }, nil)
    }
    deinit { PQfinish(raw) }

    var isOpen: Bool { PQstatus(raw) == CONNECTION_OK }
    var socket: Int32 { PQsocket(raw) }
    var message: String { String(cString: PQerrorMessage(raw)).singleLine }
}

/// The sole owner of a result: immutable, so any thread may read it.
final class ResultHandle: @unchecked Sendable {  // never changed after it was received
    let raw: OpaquePointer
    init(_ raw: OpaquePointer) { self.raw = raw }
    deinit { PQclear(raw) }

    func field(_ code: Int32) -> String? { PQresultErrorField(raw, code).map { String(cString: $0) } }
}

extension String {
    /// libpq's messages come in several lines.
    var singleLine: String {
        split(whereSeparator: \.isNewline).map { $0.drop(while: { $0 == "\t" || $0 == " " }) }.joined(separator: "; ")
    }
}

/// The error field codes of postgres_ext.h, which Swift can't import because they are character constants.
enum ErrorField {
    static let sqlState = Int32(UInt8(ascii: "C"))
    static let primary = Int32(UInt8(ascii: "M"))
    static let detail = Int32(UInt8(ascii: "D"))
    static let constraint = Int32(UInt8(ascii: "n"))
}

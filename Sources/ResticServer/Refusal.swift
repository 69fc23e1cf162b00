import NIOHTTP1

/// Why a request was not done: what the client is told, and what is counted.
struct Refusal: Error, Sendable {
    /// The label of the metric.
    enum Kind: String, CaseIterable, Sendable {
        case unauthenticated, forbidden, appendOnly, exists, notFound, badRequest, mismatch, tooLarge, full, range, method, unsupported,
            cut,
            failed
        /// More passwords wait to be checked than may; more repositories than a user may have.
        case busy, tooMany
        /// A request's head that was not whole in time; a connection that was one too many. They are counted, and not answered.
        case late, crowded
    }
    /// What an answer's headers say besides.
    enum Detail: Sendable {
        case none
        /// The methods that are answered.
        case allow(String)
        /// The object's bytes.
        case range(Int64)
        case retry(afterSeconds: Int)
    }
    let kind: Kind
    /// What is wrong, and what to do about it.
    let text: String
    let detail: Detail

    init(_ kind: Kind, _ text: String, _ detail: Detail = .none) {
        self.kind = kind
        self.text = text
        self.detail = detail
    }

    var status: HTTPResponseStatus {
        switch kind {
        case .unauthenticated: .unauthorized
        case .forbidden, .appendOnly, .exists, .tooMany: .forbidden  // restic's own server says 403 of what exists
        case .notFound: .notFound
        case .badRequest, .mismatch, .cut: .badRequest
        case .tooLarge: .payloadTooLarge
        case .full: .insufficientStorage
        case .range: .rangeNotSatisfiable
        case .method: .methodNotAllowed
        case .unsupported: .notImplemented
        case .failed: .internalServerError
        case .busy, .crowded: .serviceUnavailable
        case .late: .requestTimeout
        }
    }

    static func method(allow: String) -> Refusal { Refusal(.method, "this address answers \(allow)", .allow(allow)) }
}

import Crypto
import Basics
import Foundation

/// AWS Signature Version 4 of a request's headers (docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html). A pure value.
struct SignatureV4: Sendable {
    let accessKey: String
    let secretKey: String
    let region: String
    var service = "s3"

    private static let algorithm = "AWS4-HMAC-SHA256"

    /// The value of `Authorization`. `path` and `query` are encoded already, the query's parameters sorted; `headers` are all that is signed,
    /// `host` and `x-amz-date` among them.
    func authorization(
        method: String, path: String, query: String, headers: [(name: String, value: String)], payloadHash: String, date: String
    ) -> String {
        let sorted = headers.map { ($0.name.lowercased(), Self.trimmed($0.value)) }.sorted { $0.0 < $1.0 }
        let names = sorted.map(\.0).joined(separator: ";")
        let canonical =
            [method, path, query] + sorted.map { "\($0.0):\($0.1)" } + ["", names, payloadHash]
        let day = String(date.prefix(8))
        let scope = "\(day)/\(region)/\(service)/aws4_request"
        let toSign = [Self.algorithm, date, scope, SHA256.hex(Array(canonical.joined(separator: "\n").utf8))].joined(separator: "\n")
        var key = Array("AWS4\(secretKey)".utf8)
        for part in [day, region, service, "aws4_request"] { key = HMACSHA256.code(Array(part.utf8), key: key).bytes }
        let signature = HMACSHA256.code(Array(toSign.utf8), key: key).hex
        return "\(Self.algorithm) Credential=\(accessKey)/\(scope),SignedHeaders=\(names),Signature=\(signature)"
    }

    /// Without blanks at the ends, and one for several within.
    private static func trimmed(_ value: String) -> String { value.split(separator: " ").joined(separator: " ") }

    /// `20130524T000000Z`
    static func date(_ time: Date) -> String {
        time.formatted(Date.ISO8601FormatStyle(dateSeparator: .omitted, timeSeparator: .omitted, timeZone: .gmt))
    }

    /// RFC 3986 with nothing but unreserved characters left as they are; `/` too where it parts a path.
    static func encoded(_ text: String, keepsSlashes: Bool = false) -> String {
        var out = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                out.unicodeScalars.append(Unicode.Scalar(byte))
            case UInt8(ascii: "/") where keepsSlashes: out += "/"
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                out += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return out
    }
}

extension SignatureV4: SecretHolding {
    var shown: String { "signature for \(region)" }
}

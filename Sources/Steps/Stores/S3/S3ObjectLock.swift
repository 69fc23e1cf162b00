import Basics
import Foundation

/// Objects that nobody may remove before their time (docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html).
struct S3ObjectLock: Sendable, Hashable {
    enum Mode: String, CaseIterable, Sendable {
        case governance, compliance
        var header: String { rawValue.uppercased() }
    }
    var mode: Mode
    var retain: TimeSpan

    /// The headers of an object that is stored now.
    func headers(now: Date) -> [(name: String, value: String)] {
        let until = now.addingTimeInterval(Double(retain.seconds))
        return [
            (Self.modeHeader, mode.header), (Self.untilHeader, until.formatted(Date.ISO8601FormatStyle())),
        ]
    }

    static let modeHeader = "x-amz-object-lock-mode"
    static let untilHeader = "x-amz-object-lock-retain-until-date"

    /// What a server says of an object; nil for a text that is no time.
    static func date(_ text: String) -> Date? {
        try? Date(text, strategy: .iso8601.year().month().day().time(includingFractionalSeconds: text.contains(".")))
    }

    /// Whether an object that was stored a moment ago is kept as long as was asked for; servers round to seconds, and clocks differ a little.
    func reaches(_ until: Date, now: Date) -> Bool { until.timeIntervalSince(now) > Double(retain.seconds) * 0.9 - 900 }
}

/// Encryption by the server.
struct S3Encryption: Sendable, Hashable {
    /// `AES256` or `aws:kms`.
    var algorithm: String
    var key: String?

    static let header = "x-amz-server-side-encryption"

    var headers: [(name: String, value: String)] {
        [(Self.header, algorithm)] + (key.map { [("x-amz-server-side-encryption-aws-kms-key-id", $0)] } ?? [])
    }
}

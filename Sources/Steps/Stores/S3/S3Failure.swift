import Basics
import Foundation
import HTTPClient
import StorageKit

/// What an answer that is no success means (docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
struct S3Failure {
    let answer: HTTPAnswer
    /// Empty where the answer has no body: that of a HEAD.
    let code: String
    let message: String
    /// By how many seconds the server's clock is ahead of ours.
    let clockDifference: Int?

    /// Servers refuse what is signed more than this away from their own time.
    private static let allowedDifference = 15 * 60

    init(_ answer: HTTPAnswer, now: Date) {
        self.answer = answer
        let document = S3Document(answer.body)
        code = document?["Code"] ?? ""
        message = document?["Message"] ?? ""
        clockDifference = answer.serverTime.map { Int($0.timeIntervalSince(now).rounded()) }
    }

    func error(expected: String, at location: String, region: String) -> StorageError {
        let words = message.isEmpty ? code : code.isEmpty ? message : "\(code) (\(message))"
        func error(_ kind: ErrorKind, _ advice: String, _ retry: Retryability = .permanent) -> StorageError {
            StorageError(
                kind, expected: expected, found: "status \(answer.status)" + (words.isEmpty ? "" : ": \(words)"), at: location,
                advice: advice, retry: retry, retryAfter: answer.retryAfterSeconds.map { .seconds($0) })
        }
        // A wrong clock looks like a wrong key; the server's own time tells them apart, also where the answer has no body.
        if code == "RequestTimeTooSkewed" || [400, 401, 403].contains(answer.status) && abs(clockDifference ?? 0) > Self.allowedDifference {
            let by = clockDifference.map { " by \(TimeSpan.seconds(Int64(abs($0))))" } ?? ""
            return error(
                .failed, "the clocks of this host and of the server differ\(by): set this host's (NTP); keys and rights may be in order")
        }
        switch code {
        case "NoSuchBucket": return error(.notFound, "correct `bucket`; a first copy with `create: true`, or `repository init`, makes it")
        case "SignatureDoesNotMatch": return error(.accessDenied, "the secret key is not that of the access key; correct `secretKey`")
        case "InvalidAccessKeyId", "InvalidTokenId", "InvalidClientTokenId":
            return error(.accessDenied, "the server does not know the access key; correct `accessKey`")
        case "ExpiredToken", "TokenRefreshRequired", "InvalidToken":
            return error(.accessDenied, "the temporary credentials have ended; get new ones, with their `sessionToken`")
        case "AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException":
            let named = answer.header("x-amz-bucket-region") ?? S3Document(answer.body)?["Region"]
            return error(.invalid, "the bucket is in region \(named ?? "another one"), not \(region); correct `region` or `endpoint`")
        case "QuotaExceeded", "EntityTooLarge", "InsufficientStorage":
            return error(.noSpace, "free space or raise the quota, then run again: what was stored is kept", .transient)
        case "BadDigest", "XAmzContentSHA256Mismatch", "InvalidDigest", "IncompleteBody", "RequestTimeout":
            return error(.unavailable, "what arrived was not what was sent; look at the network if it lasts", .transient)
        case "SlowDown", "ServiceUnavailable", "InternalError", "OperationAborted", "BucketAlreadyOwnedByYou":
            return error(.unavailable, "look at the server's state if it lasts", .transient)
        case "InvalidObjectState":
            return error(.unsupported, "the object is in an archive; bring it back with the server's own tools first")
        case "NotImplemented": return error(.unsupported, "this server can't do it; leave the setting out")
        default: break
        }
        if answer.status == 301 || answer.status == 307, let named = answer.header("x-amz-bucket-region") {
            return error(.invalid, "the bucket is in region \(named), not \(region); correct `region` or `endpoint`")
        }
        return StorageError(answer: answer, expected: expected, said: words, at: location)
    }
}

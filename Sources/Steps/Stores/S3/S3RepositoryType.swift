import Basics
import FlowModel
import StepKit
import StorageKit

/// The `s3` repository type: a bucket of a server that speaks Amazon's S3 protocol.
struct S3RepositoryType: RepositoryType {
    let name = "s3"
    let summary = "A bucket of an S3 server: Amazon, Ceph RGW, MinIO and others"
    let schema = SettingsSchema(
        [
            Self.bucket.field, Self.prefix.field, Self.endpoint.field, Self.region.field, Self.addressing.field, Self.accessKey.field,
            Self.secretKey.field, Self.sessionToken.field, Self.storageClass.field, Self.encryption.field, Self.encryptionKey.field,
            Self.objectLock.field, Self.retain.field, Self.partSize.field,
        ] + StoreConnection.fields)

    static let bucket = Setting<String>.required("bucket", "The bucket; the first copy creates it if it does not exist")
    static let prefix = Setting<String>(
        "prefix", "The repository's place within the bucket: at most 896 bytes, without control characters", default: "")
    static let endpoint = Setting<String>("endpoint", "The server, as https://host:port; by default, Amazon's in the region")
    static let region = Setting<String>("region", "The region, which is part of every signature", default: "us-east-1")
    static let addressing = Setting<String>(
        "addressing", "Where requests name the bucket: in the path, in the host name (virtual), or as the endpoint is known to want",
        default: S3Place.Addressing.auto.rawValue, type: .choice(S3Place.Addressing.allCases.map(\.rawValue)))
    static let accessKey = Setting<SecretReference>.required("accessKey", "The access key's id")
    static let secretKey = Setting<SecretReference>.required("secretKey", "The access key's secret")
    static let sessionToken = Setting<SecretReference>("sessionToken", "The token of temporary credentials")
    static let storageClass = Setting<String>(
        "storageClass", "The storage class for packs, such as STANDARD_IA; everything else gets the bucket's default")
    static let encryption = Setting<String>(
        "encryption", "Server-side encryption, in addition to the repository's own: AES256 or aws:kms",
        type: .choice(["AES256", "aws:kms"]))
    static let encryptionKey = Setting<String>("encryptionKey", "The key's id for aws:kms")
    static let objectLock = Setting<String>(
        "objectLock",
        "Locks objects: nobody (compliance), or only who has a special right (governance), can remove or replace them",
        type: .choice(S3ObjectLock.Mode.allCases.map(\.rawValue)))
    static let retain = Setting<TimeSpan>("retain", "How long `objectLock` protects an object after it was stored")
    static let partSize = Setting<ByteCount>(
        "partSize", "The part size, 5MiB (the servers' minimum) to 1GiB: objects larger than two parts are uploaded in parts",
        default: .mebibytes(32))

    func identity(_ settings: Settings) throws(StepError) -> String {
        _ = try lock(settings)
        _ = try partBytes(settings)
        return try place(settings).text
    }

    func open(_ settings: Settings, _ context: StoreContext) async throws -> any ObjectStore {
        let signature = SignatureV4(
            accessKey: try context.secrets.resolve(try settings.value(Self.accessKey)).revealText(),
            secretKey: try context.secrets.resolve(try settings.value(Self.secretKey)).revealText(), region: try settings.value(Self.region)
        )
        let connection = S3Connection(
            place: try place(settings), signature: signature,
            sessionToken: try settings.optional(Self.sessionToken).map { try context.secrets.resolve($0).revealText() },
            connection: try StoreConnection(settings, context.hosts))
        return S3Store(
            connection: connection, storageClass: try settings.optional(Self.storageClass), encryption: try encryption(settings),
            lock: try lock(settings), partBytes: try partBytes(settings))
    }

    private func partBytes(_ settings: Settings) throws(StepError) -> Int {
        let size = try settings.value(Self.partSize)
        guard (.mebibytes(5) ... .gibibytes(1)).contains(size) else {
            throw StepError(
                .invalidSetting, expected: "a part of 5MiB to 1GiB", found: size.description, at: settings.origin,
                advice: "correct `partSize`")
        }
        return Int(size.bytes)
    }

    private func place(_ settings: Settings) throws(StepError) -> S3Place {
        let region = try settings.value(Self.region)
        return try S3Place(
            endpoint: try settings.optional(Self.endpoint) ?? "https://s3.\(region).amazonaws.com", bucket: try settings.value(Self.bucket),
            prefix: try settings.value(Self.prefix), addressing: S3Place.Addressing(rawValue: try settings.value(Self.addressing)) ?? .auto,
            origin: settings.origin)
    }

    private func encryption(_ settings: Settings) throws(StepError) -> S3Encryption? {
        let key = try settings.optional(Self.encryptionKey)
        guard let algorithm = try settings.optional(Self.encryption) else {
            guard key == nil else {
                throw StepError(
                    .invalidSetting, expected: "`encryption: aws:kms` beside `encryptionKey`", found: "no `encryption`", at: settings.origin
                )
            }
            return nil
        }
        return S3Encryption(algorithm: algorithm, key: key)
    }

    private func lock(_ settings: Settings) throws(StepError) -> S3ObjectLock? {
        let retain = try settings.optional(Self.retain)
        let mode = try settings.optional(Self.objectLock).flatMap { S3ObjectLock.Mode(rawValue: $0) }
        switch (mode, retain) {
        case (nil, nil): return nil
        case (let mode?, let retain?) where retain > .seconds(0): return S3ObjectLock(mode: mode, retain: retain)
        default:
            throw StepError(
                .invalidSetting, expected: "`objectLock` and `retain` together, the latter longer than nothing",
                found: mode == nil ? "`retain` alone" : "no time", at: settings.origin,
                advice: "for example `objectLock: compliance` and `retain: 30d`")
        }
    }
}

import Basics
import Foundation
import Rigs
import StepKit
import StorageKit

@testable import Steps

/// One server of each kind on which a repository can be stored.
enum StoreSample: String, CaseIterable, Sendable {
    case local
    /// restic's REST protocol, spoken by rclone.
    case rclone
    /// The same, spoken by our own server.
    case restServer
    /// S3 that is strict: Ceph's gateway.
    case radosgw
    /// S3 in breadth.
    case moto
    case rados
    /// A private sshd.
    case sftp
    case sql
    /// OpenStack Swift's S3 layer: a dialect that lacks things.
    case swiftS3
    /// OpenStack Swift by TempAuth.
    case swift
    /// The Swift API of Ceph's gateway.
    case gatewaySwift

    /// restic has a backend for it.
    var isResticsToo: Bool { self != .rados && self != .sql }

    /// Its server makes an object once, whoever asks at the same time.
    var createsOnce: Bool {
        switch self {
        case .local, .restServer, .radosgw, .moto, .rados, .sftp, .sql: true
        case .rclone, .swiftS3, .swift, .gatewaySwift: false
        }
    }

    var type: String {
        switch self {
        case .local: "local"
        case .rclone, .restServer: "rest"
        case .radosgw, .moto, .swiftS3: "s3"
        case .rados: "rados"
        case .sql: "sql"
        case .sftp: "sftp"
        case .swift, .gatewaySwift: "swift"
        }
    }
}

/// A store of its own on a sample's server; nothing is made in it yet.
final class StoreBench: Sendable {
    let sample: StoreSample
    let folder: ScratchFolder
    let settings: [String: JSONValue]
    /// What restic needs to open the same store; nil where it can't.
    let resticRepository: String?
    private let environment: [String: String]

    init(_ sample: StoreSample) async throws {
        self.sample = sample
        folder = try ScratchFolder("store")
        var environment: [String: String] = [:]
        let name = "r\(UUID().uuidString.prefix(8).lowercased())"
        switch sample {
        case .local:
            settings = ["path": .string(folder.file("repo"))]
            resticRepository = folder.file("repo")
        case .rclone, .restServer:
            let url = try await (sample == .rclone ? RcloneServerRig.running().url : RestServerRig.running().url) + name + "/"
            settings = ["url": .string(url)]
            resticRepository = "rest:" + url
        case .sftp:
            settings = try await SSHRig.running().settings(folder.file("repo"))
            // The folder is this machine's.
            resticRepository = folder.file("repo")
        case .sql:
            let server = try await Self.database.value
            try "geheim".write(toFile: folder.file("key"), atomically: true, encoding: .utf8)
            settings = [
                "host": .string(server.socketFolder), "user": "keeper", "userPassword": ["fromFile": .string(folder.file("key"))],
                "database": "backups", "name": .string(name),
            ]
            resticRepository = nil
        case .rados:
            settings = ["configuration": .string(try await CephRig.running().configuration), "pool": "rbd", "namespace": .string(name)]
            resticRepository = nil
        case .swift, .gatewaySwift:
            let (url, user, key) = try await sample == .swift ? Self.swiftKeys() : RadosGatewayRig.running().swiftKeys
            try key.write(toFile: folder.file("key"), atomically: true, encoding: .utf8)
            settings = [
                "authURL": .string(url), "user": .string(user), "userPassword": ["fromFile": .string(folder.file("key"))],
                "container": .string(name), "prefix": "site/one",
            ]
            resticRepository = "swift:\(name):/site/one"
            environment = ["ST_AUTH": url, "ST_USER": user, "ST_KEY": key]
        case .radosgw, .moto, .swiftS3:
            let (url, keys) = try await Self.bucketServer(sample)
            for (file, text) in [("access", keys.0), ("secret", keys.1)] {
                try text.write(toFile: folder.file(file), atomically: true, encoding: .utf8)
            }
            settings = [
                "endpoint": .string(url), "bucket": .string(name), "prefix": "site/one",
                "accessKey": ["fromFile": .string(folder.file("access"))], "secretKey": ["fromFile": .string(folder.file("secret"))],
            ]
            if sample == .swiftS3 {
                // restic's S3 client sends what this layer does not take; the bucket is a container too.
                resticRepository = "swift:\(name):/site/one"
                environment = ["ST_AUTH": url + "/auth/v1.0", "ST_USER": keys.0, "ST_KEY": keys.1]
            } else {
                resticRepository = "s3:\(url)/\(name)/site/one"
                environment = ["AWS_ACCESS_KEY_ID": keys.0, "AWS_SECRET_ACCESS_KEY": keys.1]
            }
        }
        self.environment = environment
    }

    private static func bucketServer(_ sample: StoreSample) async throws -> (url: String, keys: (String, String)) {
        switch sample {
        case .moto: return (try await MotoRig.running().url, ("key", "secret"))
        case .swiftS3:
            let rig = try await OpenStackSwiftRig.running()
            return (rig.s3URL, (rig.user, rig.password))
        default:
            let rig = try await RadosGatewayRig.running()
            return (rig.url, (rig.accessKey, rig.secretKey))
        }
    }

    /// A server whose user has a database and nothing else.
    static let database = Task {
        let server = try await PostgreSQLServerRig.start()
        try await server.execute("CREATE ROLE keeper LOGIN PASSWORD 'geheim'")
        try await server.execute("CREATE DATABASE backups OWNER keeper")
        return server
    }

    private static func swiftKeys() async throws -> (url: String, user: String, key: String) {
        let rig = try await OpenStackSwiftRig.running()
        return (rig.authURL, rig.user, rig.password)
    }

    func open(_ more: [String: JSONValue] = [:]) async throws -> any ObjectStore {
        guard let type = Catalog.hosted.repository(sample.type) else { throw StageError(text: "no type \(sample.type)") }
        return try await type.open(
            Settings(settings.merging(more) { $1 }, origin: "repository sample"), StoreContext(secrets: FileSecrets()))
    }

    /// Opened, and made.
    func made(_ more: [String: JSONValue] = [:]) async throws -> any ObjectStore {
        let store = try await open(more)
        try await store.create()
        return store
    }

    /// What the server holds of the store, told by the server's own means; where restic has none.
    func pieces() async throws -> String {
        if sample == .rados {
            return try await CephRig.running().run("rados", "-p", "rbd", "-N", settings["namespace"]?.stringValue ?? "", "ls")
        }
        let name = settings["name"]?.stringValue ?? ""
        let count = try await Self.database.value.value(
            "SELECT count(*)::text AS value FROM snappy_flow_pieces WHERE repository = '\(name)'", database: "backups")
        return count == "0" ? "" : count ?? "no table"
    }

    func restic(password: String) throws -> ResticRig {
        guard let resticRepository else { throw StageError(text: "restic knows no \(sample)") }
        return try ResticRig(repository: resticRepository, password: password, cache: folder.file("cache"), environment: environment)
    }
}

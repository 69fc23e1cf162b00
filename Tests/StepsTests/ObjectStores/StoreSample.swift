import FlowModel
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

    var type: String {
        switch self {
        case .local: "local"
        case .rclone: "rest"
        }
    }
}

/// A store of its own on a sample's server; nothing is made in it yet.
final class StoreBench: Sendable {
    let sample: StoreSample
    let folder: ScratchFolder
    let settings: [String: JSONValue]
    /// What restic needs to open the same store.
    let resticRepository: String

    init(_ sample: StoreSample) async throws {
        self.sample = sample
        folder = try ScratchFolder("store")
        let name = "r\(UUID().uuidString.prefix(8).lowercased())"
        switch sample {
        case .local:
            settings = ["path": .string(folder.file("repo"))]
            resticRepository = folder.file("repo")
        case .rclone:
            let url = try await RcloneServerRig.running().url + name + "/"
            settings = ["url": .string(url)]
            resticRepository = "rest:" + url
        }
    }

    func open(_ more: [String: JSONValue] = [:]) async throws -> any ObjectStore {
        guard let type = Catalog.standard.repository(sample.type) else { throw StageError(text: "no type \(sample.type)") }
        return try await type.open(Settings(settings.merging(more) { $1 }, origin: "repository sample"), secrets: FileSecrets())
    }

    /// Opened, and made.
    func made(_ more: [String: JSONValue] = [:]) async throws -> any ObjectStore {
        let store = try await open(more)
        try await store.create()
        return store
    }

    func restic(password: String) throws -> ResticRig {
        try ResticRig(repository: resticRepository, password: password, cache: folder.file("cache"))
    }
}

import Basics
import Foundation
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Steps

/// A kind of server on which a repository can be stored. It lies beside the tests of its store's type.
struct StoreSample: Sendable, Equatable, CustomTestStringConvertible {
    let name: String
    /// As documents name the store.
    let type: String
    /// restic has a backend for it.
    var isResticsToo = true
    /// Its server makes an object once, whoever asks at the same time.
    var createsOnce = true
    /// The store can tell. That of REST doesn't know whose server it speaks to.
    var isKnownToCreateOnce = true
    /// The server takes nothing under a name that is not its content's.
    var namesAreContents = false
    /// A place of that name on the server, which is started where it is not running; secrets lie in the folder.
    let place: @Sendable (_ name: String, ScratchFolder) async throws -> Place

    struct Place: Sendable {
        var settings: [String: JSONValue]
        /// What restic needs to open the same store.
        var restic: Restic?
        /// What the server holds of the store, told by the server's own means: where restic has none.
        var pieces: (@Sendable () async throws -> String)?
    }

    struct Restic: Sendable {
        var repository: String
        var environment: [String: String] = [:]
    }

    var testDescription: String { name }
    static func == (one: StoreSample, other: StoreSample) -> Bool { one.name == other.name }
}

/// A store of its own on a sample's server; nothing is made in it yet.
final class StoreBench: Sendable {
    let sample: StoreSample
    let folder: ScratchFolder
    private let place: StoreSample.Place
    var settings: [String: JSONValue] { place.settings }
    /// As restic's `-r` takes it; nil where restic can't open it.
    var resticRepository: String? { place.restic?.repository }

    init(_ sample: StoreSample) async throws {
        self.sample = sample
        folder = try ScratchFolder("store")
        place = try await sample.place("r\(UUID().uuidString.prefix(8).lowercased())", folder)
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

    func pieces() async throws -> String {
        guard let pieces = place.pieces else { throw StageError(text: "say how one sees what is stored in \(sample.name)") }
        return try await pieces()
    }

    func restic(password: String) throws -> ResticRig {
        guard let restic = place.restic else { throw StageError(text: "restic knows no \(sample.name)") }
        return try ResticRig(
            repository: restic.repository, password: password, cache: folder.file("cache"), environment: restic.environment)
    }
}

extension ScratchFolder {
    /// A secret in a file of its own, as a setting.
    func secret(_ name: String, _ text: String) throws -> JSONValue {
        try text.write(toFile: file(name), atomically: true, encoding: .utf8)
        return ["fromFile": .string(file(name))]
    }
}

import ArgumentParser
import FlowModel
import PipelineDSL
import Repository
import StepKit
import Steps
import StorageKit
import WorkflowEngine

/// A repository named in a document. Needs its place and password only: no database, and nothing else of the document to be there.
struct RepositoryOptions: ParsableArguments {
    @Option(name: .long, help: "The file or folder with the documents.") var file: String
    @Option(name: .long, help: "The repository's name in them.") var repository: String

    func open() async throws -> (repository: Repository, plan: Plan) {
        let place = try await place(repository)
        return (try await place.open(), place.plan)
    }

    /// Another repository of the same documents.
    func open(other name: String, creating: Bool) async throws -> Repository {
        let place = try await place(name)
        do {
            return try await place.open()
        } catch let error as RepositoryError where error.kind == .notFound && creating {
            return try await place.create()
        }
    }

    /// Makes the repository. Refuses when there is one.
    func create() async throws -> Repository { try await place(repository).create() }

    private struct Place {
        var store: any ObjectStore
        var password: [UInt8]
        var retries: StoreRetries
        var bandwidth: BandwidthLimit?
        var cache: MetadataCachePlace?
        var plan: Plan

        func open() async throws -> Repository {
            try await Repository.open(store, password: password, retries: retries, bandwidth: bandwidth, cache: cache)
        }

        func create() async throws -> Repository {
            try await Repository.create(on: store, password: password, retries: retries, bandwidth: bandwidth)
        }
    }

    private func place(_ repository: String) async throws -> Place {
        let plans = try PipelineOptions.compile([file], warns: false)
        let holding = plans.map(\.plan).filter { $0.repositories[repository] != nil }
        guard let plan = holding.first, let planned = plan.repositories[repository] else {
            let names = Set(plans.flatMap { $0.plan.repositories.keys }).sorted().joined(separator: ", ")
            throw CommandFailure(
                .usage, "error: \(file): expected a repository named \(repository), found \(names.isEmpty ? "none" : names)")
        }
        guard holding.allSatisfy({ $0.repositories[repository] == planned }) else {
            throw CommandFailure(
                .usage, "error: \(file): several pipelines have a repository \(repository), and they differ; name one file")
        }
        guard let type = Composition.catalog.repository(planned.type) else {
            throw CommandFailure(.usage, "error: repository \(repository): expected a type of this program, found \(planned.type)")
        }
        let secrets = EnvironmentSecrets()
        let store = try await type.open(Settings(planned.settings, origin: "repository \(repository)"), secrets: secrets)
        let access = try StoreAccess(planned, name: repository)
        return Place(
            store: store, password: try secrets.resolve(planned.password).reveal(), retries: Self.retries(access, repository),
            bandwidth: access.bandwidth.map { Composition.catalog.bandwidths.limit(of: planned.identity, $0) },
            cache: Composition.catalog.metadataCache(of: planned, access), plan: plan)
    }

    /// Whoever sits there is told what is waited for.
    private static func retries(_ access: StoreAccess, _ name: String) -> StoreRetries {
        StoreRetries(limit: access.retryFor) { event in
            switch event {
            case .waits(let error, let limit):
                StandardError.write("warning: \(error.location): \(error.found); asked again for up to \(limit)")
            case .answers(let away): StandardError.write("repository \(name) answers again, after \(away)")
            }
        }
    }
}

extension Repository {
    /// The snapshot of that id or beginning of one; `latest` is the newest.
    func snapshot(matching text: String) async throws -> Snapshot {
        let list = try await snapshotList()
        let all = list.snapshots
        if text == "latest" {
            try list.requireWhole()
            guard let newest = all.max(by: { $0.time < $1.time }) else {
                throw RepositoryError(
                    .noSnapshot, expected: "a snapshot", found: "none", at: location, advice: "run a pipeline that copies into it")
            }
            return newest
        }
        guard !text.isEmpty else {
            throw RepositoryError(
                .noSnapshot, expected: "latest, an id or its beginning", found: "nothing", at: location,
                advice: "see `snappy-flow snapshots list`")
        }
        let found = all.filter { $0.id.hasPrefix(text.lowercased()) }
        guard found.count == 1, let snapshot = found.first else {
            throw RepositoryError(
                .noSnapshot, expected: "one snapshot whose id begins with \(text)", found: found.isEmpty ? "none" : "\(found.count)",
                at: location,
                advice: "see `snappy-flow snapshots list`")
        }
        return snapshot
    }
}

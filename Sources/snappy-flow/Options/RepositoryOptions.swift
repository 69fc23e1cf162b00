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
        return (try await place.repository.open(), place.plan)
    }

    /// Another repository of the same documents.
    func open(other name: String, creating: Bool) async throws -> Repository {
        let place = try await place(name).repository
        do {
            return try await place.open()
        } catch let error as RepositoryError where error.kind == .notFound && creating {
            return try await place.create()
        }
    }

    /// Makes the repository. Refuses when there is one.
    func create() async throws -> Repository { try await place(repository).repository.create() }

    private func place(_ repository: String) async throws -> (repository: RepositoryPlace, plan: Plan) {
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
        guard Composition.catalog.repository(planned.type) != nil else {
            throw CommandFailure(.usage, "error: repository \(repository): expected a type of this program, found \(planned.type)")
        }
        let place = try await RepositoryPlace(repository, in: plan, Composition.catalog, secrets: EnvironmentSecrets()) { name, event in
            // Whoever sits there is told what is waited for.
            let (text, isGood) = event.words(of: name)
            StandardError.write(isGood ? text : "warning: \(text)")
        }
        return (place, plan)
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

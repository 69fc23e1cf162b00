import ArgumentParser
import Basics
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
    @Option(name: .long, help: "The repository's name in the documents.") var repository: String
    @OptionGroup var parameters: ParameterOptions

    /// The repository, and which of its snapshots are the documents' own.
    func open() async throws -> (repository: Repository, own: OwnSnapshots) {
        let place = try await place(repository)
        return (try await place.repository.open(), OwnSnapshots(of: place.plans, in: repository))
    }

    /// Another repository of the same documents.
    func open(other name: String, creating: Bool) async throws -> Repository {
        let place = try await place(name).repository
        do {
            return try await place.open()
        } catch let error as RepositoryError where error.kind == .notARepository && creating {
            return try await place.create()
        }
    }

    /// Makes the repository. Refuses when there is one.
    func create() async throws -> Repository { try await place(repository).repository.create() }

    private func place(_ repository: String) async throws -> (repository: RepositoryPlace, plans: [Plan]) {
        let plans = try PipelineOptions.compile([file], warns: false)
        let holding = try plans.map(\.plan).filter { $0.repositories[repository] != nil }.map { try filled($0, for: repository) }
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
        for warning in place.warnings { StandardError.write("warning: \(warning)") }
        return (place, holding)
    }

    /// With the parameters that are given, and their defaults. What lacks some will do where the repository has none of them.
    private func filled(_ plan: Plan, for repository: String) throws -> Plan {
        do {
            let definition = try JobDefinition.instantiate(
                plan, parameters: parameters.values(for: plan), catalog: Composition.catalog)
            return definition.applied(to: plan)
        } catch let error as Explanation {
            let isOpen = plan.repositories[repository].map { JSONValue.object($0.settings).canonicalText.contains("${") } ?? false
            if isOpen || !parameters.parameter.isEmpty { throw error }
            return plan
        }
    }
}

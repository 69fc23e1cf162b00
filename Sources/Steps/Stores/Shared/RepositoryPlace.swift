import Basics
public import FlowModel
public import Repository
public import StepKit
import StorageKit

/// A declared repository with all that it is opened with: its store or stores, how their calls are made to last, its password.
public struct RepositoryPlace: Sendable {
    /// The repository as declared.
    public let planned: PlannedRepository
    let main: AccessedStore
    let mirror: AccessedStore?
    let password: RepositoryPassword
    let cache: MetadataCachePlace?
    /// What whoever opens it should hear first.
    public let warnings: [String]

    public var location: String { main.store.properties.location }

    /// `report` hears of stores that stay away, by the name of their repository.
    public init(
        _ name: String, in plan: Plan, _ catalog: Catalog, secrets: any SecretResolver,
        report: @escaping @Sendable (_ repository: String, RetryEvent) -> Void
    ) async throws {
        let planned = try Self.planned(name, in: plan)
        self.planned = planned
        var warnings = [try Self.warning(name, planned, catalog)]
        if let other = planned.mirror { warnings.append(try Self.warning(other, Self.planned(other, in: plan), catalog)) }
        self.warnings = warnings.compactMap { $0 }
        main = try await Self.accessed(name, planned, catalog, secrets, report)
        if let other = planned.mirror {
            mirror = try await Self.accessed(other, Self.planned(other, in: plan), catalog, secrets, report)
        } else {
            mirror = nil
        }
        password = RepositoryPassword(try secrets.resolve(planned.password), from: planned.password)
        cache = catalog.metadataCache(of: planned, try StoreAccess(planned, name: name))
    }

    /// `RepositoryError(.notARepository)` where there is none.
    public func open(patience: LockPatience = LockPatience()) async throws -> Repository {
        try await Repository.open(
            main.store, password: password, patience: patience, retries: main.retries, bandwidth: main.bandwidth, cache: cache,
            mirror: mirror)
    }

    /// Opens it once, trying each call once only: for who can do without. Waits for nobody and reports nothing.
    public func openInPassing() async throws {
        let once = StoreRetries(limit: .seconds(0), attempts: 1, firstLimit: .seconds(0))
        var other = mirror
        other?.retries = once
        _ = try await Repository.open(main.store, password: password, retries: once, bandwidth: main.bandwidth, mirror: other)
    }

    /// `RepositoryError(.exists)` where there is one.
    public func create(patience: LockPatience = LockPatience()) async throws -> Repository {
        try await Repository.create(
            on: main.store, password: password, patience: patience, retries: main.retries, bandwidth: main.bandwidth, mirror: mirror)
    }

    private static func planned(_ name: String, in plan: Plan) throws(StepError) -> PlannedRepository {
        if let planned = plan.repositories[name] { return planned }
        throw StepError(
            .invalidSetting, expected: "a declared repository", found: name, at: "pipeline \(plan.pipeline)",
            advice: "declare it under `repositories:`")
    }

    private static func warning(_ name: String, _ planned: PlannedRepository, _ catalog: Catalog) throws(StepError) -> String? {
        let warning = try catalog.repository(planned.type)?.warning(Settings(planned.settings, origin: "repository \(name)"))
        return warning.map { "repository \(name): \($0)" }
    }

    private static func accessed(
        _ name: String, _ planned: PlannedRepository, _ catalog: Catalog, _ secrets: any SecretResolver,
        _ report: @escaping @Sendable (String, RetryEvent) -> Void
    ) async throws -> AccessedStore {
        guard let type = catalog.repository(planned.type) else {
            throw StepError(
                .invalidSetting, expected: "a repository type of this binary", found: planned.type, at: "repository \(name)",
                advice: "see `snappy-flow plugins list`")
        }
        let settings = Settings(planned.settings, origin: "repository \(name)")
        let store = try await type.open(settings, StoreContext(secrets: secrets, hosts: catalog.hosts, keptRoom: catalog.keptRoom))
        let access = try StoreAccess(planned, name: name)
        return AccessedStore(
            store, retries: StoreRetries(limit: access.retryFor) { report(name, $0) },
            bandwidth: access.bandwidth.map { catalog.bandwidths.limit(of: planned.identity, $0) })
    }
}

extension RepositoryPassword {
    /// What a secret says: a file is read as restic reads a password file, a variable is taken as it is.
    public init(_ secret: Secret, from reference: SecretReference) {
        switch reference {
        case .environment: self.init(secret.reveal())
        case .file: self.init(file: secret.reveal())
        }
    }
}

extension RetryEvent {
    /// What somebody who watches is told; `isGood` where it is no warning.
    public func words(of repository: String) -> (text: String, isGood: Bool) {
        switch self {
        case .waits(let error, let limit): ("\(error.location): \(error.found); asked again for up to \(limit)", false)
        case .answers(let away): ("repository \(repository) answers again, after \(away)", true)
        case .keepsNothing(let error):
            (
                "repository \(repository): its metadata are not kept on this machine: \(error.location): \(error.found); \(error.advice)",
                false
            )
        case .readsMirror(let error, let place):
            ("repository \(repository): \(error.location): expected \(error.expected), found \(error.found); read from \(place)", false)
        }
    }
}

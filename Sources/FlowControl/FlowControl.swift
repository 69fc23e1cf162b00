public import StepKit
public import WorkflowEngine

/// What may be done with jobs from outside, in one place for every way in: a command, a page, a call of the API, another program's task. Each call
/// answers with a value that has a documented JSON (docs/job-json.md), or throws an `ExplainedError`, whose kind says what the way in makes of it:
/// an exit status or an HTTP status (`ErrorKind.statuses`).
///
/// Rows are the store's, and so is every statement; what is made of them for readers is here.
public struct FlowControl: Sendable {
    let store: EngineStore
    /// Made when the first document is compiled: to look for plug-ins is nothing that a list of jobs has to wait for.
    let catalog: @Sendable () -> Catalog
    /// This machine's name, as workers of it have it.
    let host: String

    public init(store: EngineStore, host: String, catalog: @autoclosure @escaping @Sendable () -> Catalog) {
        self.store = store
        self.catalog = catalog
        self.host = host
    }

    /// Workers hear of what was asked at once. Where that can't be said they see it at their next look.
    func tellWorkers() async { try? await store.notify() }
}

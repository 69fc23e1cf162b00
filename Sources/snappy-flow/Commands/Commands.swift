import ArgumentParser

extension SnappyFlow {
    /// Every subcommand, in the order of the help.
    static var commands: [any ParsableCommand.Type] {
        [
            ValidateCommand.self, PlanCommand.self, RunCommand.self, SubmitCommand.self, WorkerCommand.self, JobsCommand.self,
            RestoreCommand.self, SnapshotsCommand.self, RepositoryCommand.self, DatabaseCommand.self, DoctorCommand.self,
            PluginsCommand.self, SchemaCommand.self, RestServerCommand.self,
            CompletionsCommand.self, GuardCommand.self, HostPluginCommand.self,
        ]
    }
}

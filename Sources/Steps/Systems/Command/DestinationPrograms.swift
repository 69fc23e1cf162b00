import Basics
import Glibc
import StepKit
import StorageKit
import SystemPackage

/// The programs that read what a restore brings back, each stream's own.
struct DestinationPrograms: Sendable {
    /// The names that are taken; nil: whatever the one file is called.
    let streams: Set<String>?
    private let calls: @Sendable (String) throws(StepError) -> ProgramCall
    private let parallel: Int

    init(_ system: CommandSystem, overwrite: Bool, _ context: StepContext) throws(StepError) {
        let programs = try system.declared(CommandType.destination)
        parallel = try system.settings.value(CommandType.parallel)
        let variables = ["SNAPPY_FLOW_OVERWRITE": overwrite ? "1" : "0"]
        switch programs {
        case .named(let named):
            streams = Set(named.keys)
            calls = { stream throws(StepError) in
                try system.call(named[stream] ?? [], stream: stream, isOneOfSeveral: true, context, variables: variables)
            }
        case .one(let arguments):
            // It takes what the sources write, and each stream on its own.
            let source = try system.settings.optional(CommandType.source)
            if case .named(let named) = source { streams = Set(named.keys) } else { streams = nil }
            let isOneOfSeveral = streams != nil
            calls = { stream throws(StepError) in
                try system.call(arguments, stream: stream, isOneOfSeveral: isOneOfSeveral, context, variables: variables)
            }
        }
        // Secrets and settings that are wrong are found before anything is read.
        _ = try calls(streams?.min() ?? CommandSystem.onlyStream)
    }

    /// Starts the programs, so many at once, in the order of names. The first that fails ends the others.
    func feed(_ files: [SpoolFile]) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, file) in files.enumerated() {
                if index >= parallel { try await group.next() }
                group.addTask {
                    let call = try calls(file.stream)
                    let input = try file.open()
                    defer { close(input) }
                    try await CommandRunner(call).run(input: FileDescriptor(rawValue: input)).require(of: call)
                    file.remove()
                }
            }
            try await group.waitForAll()
        }
    }
}

import ArgumentParser
import Basics
import FlowModel
import Repository
import StepKit
import Steps
import WorkflowEngine

extension RepositoryCommand {
    struct Key: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "key", abstract: "Manages a repository's passwords.",
            subcommands: [List.self, Add.self, Remove.self, Passwd.self],
            defaultSubcommand: List.self)

        struct List: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                commandName: "list", abstract: "Lists every key, the oldest first; * marks the one in use.")
            @OptionGroup var place: RepositoryOptions
            @OptionGroup var output: OutputOptions

            func run() async throws {
                let (repository, _) = try await place.open()
                var listing = Listing(columns: ["key", "user", "host", "created"])
                for key in try await repository.keys() {
                    listing.add(
                        ["\(key.shortID)\(key.isCurrent ? "*" : "")", key.username, key.hostname, key.created],
                        [
                            "id": .string(key.id), "username": .string(key.username), "hostname": .string(key.hostname),
                            "created": .string(key.created), "isCurrent": .bool(key.isCurrent),
                        ])
                }
                print(listing.text(output.output))
            }
        }

        struct Add: AsyncParsableCommand {
            static let configuration = CommandConfiguration(commandName: "add", abstract: "Adds a password that opens the repository.")
            @OptionGroup var place: RepositoryOptions
            @OptionGroup var password: NewPassword

            func run() async throws {
                let (repository, _) = try await place.open()
                print("key \(try await repository.addKey(password: password.value()).prefix(8)) added")
            }
        }

        struct Remove: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                commandName: "remove", abstract: "Removes a key, and with it a password. The key in use can't be removed.")
            @Argument(help: "The key's id or its beginning.") var key: String
            @OptionGroup var place: RepositoryOptions

            func run() async throws {
                let (repository, _) = try await place.open()
                let found = try await repository.keys().filter { $0.id.hasPrefix(key) }
                guard found.count == 1, let one = found.first, !key.isEmpty else {
                    throw CommandFailure(
                        .usage,
                        "error: expected the beginning of one key's id, found \(key), with which \(found.count) ids begin; see `key list`")
                }
                try await repository.removeKey(one.id)
                print("key \(one.shortID) removed")
            }
        }

        struct Passwd: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                commandName: "passwd", abstract: "Replaces the password in use.", discussion: "The new one works before the old one stops.")
            @OptionGroup var place: RepositoryOptions
            @OptionGroup var password: NewPassword

            func run() async throws {
                let (repository, _) = try await place.open()
                let id = try await repository.changePassword(to: password.value())
                print("key \(id.prefix(8)) replaces the one before; let the document's `password:` refer to the new password now")
            }
        }
    }
}

/// Where a new password comes from. Never an argument: those show in process lists.
struct NewPassword: ParsableArguments {
    @Option(help: "A file that holds the new password, read as restic does: white space at either end is not part of it.")
    var newPasswordFile: String?
    @Option(help: "An environment variable that holds the new password.") var newPasswordEnv: String?

    func validate() throws {
        guard (newPasswordFile == nil) != (newPasswordEnv == nil) else {
            throw ValidationError("give --new-password-file or --new-password-env")
        }
    }

    func value() throws -> RepositoryPassword {
        let reference: SecretReference =
            if let newPasswordFile { .file(newPasswordFile) } else { .environment(newPasswordEnv ?? "") }
        return RepositoryPassword(try EnvironmentSecrets().resolve(reference), from: reference)
    }
}

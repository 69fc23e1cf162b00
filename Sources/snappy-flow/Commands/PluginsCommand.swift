import FlowModel
import ArgumentParser
import Basics
import StepKit
import Steps

struct PluginsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plugins", abstract: "Shows what this binary can back up, where to, and with which verbs.",
        subcommands: [List.self, Show.self], defaultSubcommand: List.self)

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists every system type, repository type and verb.")
        @OptionGroup var output: OutputOptions

        func run() throws {
            var listing = Listing(columns: ["kind", "name", "version", "can", "summary"])
            let catalog = Composition.catalog
            let machine = Machine()
            for type in catalog.systems {
                let capabilities = type.capabilities.sorted().map(\.rawValue)
                listing.add(
                    ["system", type.name, "\(type.contractVersion)", capabilities.joined(separator: " "), type.summary],
                    [
                        "kind": "system", "name": .string(type.name), "contractVersion": .int(Int64(type.contractVersion)),
                        "capabilities": .array(capabilities.map { .string($0) }),
                        "views": .array(type.views.map { .string($0.rawValue) }), "summary": .string(type.summary),
                        "isolation": type.isolation.json, "needs": machine.json(of: type),
                    ])
            }
            for type in catalog.repositories {
                listing.add(
                    ["repository", type.name, "\(type.contractVersion)", "objectStore", type.summary],
                    [
                        "kind": "repository", "name": .string(type.name), "contractVersion": .int(Int64(type.contractVersion)),
                        "summary": .string(type.summary), "isolation": type.isolation.json, "needs": machine.json(of: type),
                    ])
            }
            for verb in catalog.verbs.map(\.declaration) {
                listing.add(
                    ["verb", verb.name, "\(verb.contractVersion)", verb.acquires.map { "undo: \($0.undoVerb)" } ?? "", verb.summary],
                    [
                        "kind": "verb", "name": .string(verb.name), "contractVersion": .int(Int64(verb.contractVersion)),
                        "summary": .string(verb.summary),
                    ])
            }
            print(listing.text(output.output))
            guard output.output == .table else { return }
            for line in machine.missing(in: catalog) { print("missing on this machine: \(line.printable)") }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "show", abstract: "Shows the settings of one plug-in or verb.")
        @Argument(help: "The name of a system type, repository type or verb.") var name: String
        @OptionGroup var output: OutputOptions

        func run() throws {
            let catalog = Composition.catalog
            guard let (summary, schema) = declaration(in: catalog) else {
                let known =
                    catalog.systems.map { $0.name } + catalog.repositories.map { $0.name } + catalog.verbs.map { $0.declaration.name }
                throw CommandFailure(.usage, "error: expected one of \(known.joined(separator: ", ")), found \(name)")
            }
            if output.output == .table {
                print("\(name): \(summary)")
                if let type = catalog.system(name), !type.views.isEmpty { print("copied as: \(Self.views(of: type))") }
                print("")
            }
            var listing = Listing(columns: ["setting", "type", "default", "meaning"])
            for field in schema.fields {
                let value = field.defaultValue?.canonicalText ?? (field.isRequired ? "(required)" : "")
                listing.add(
                    [field.name, field.type.words, value, field.toldSummary],
                    [
                        "name": .string(field.name), "type": .string(field.type.words), "required": .bool(field.isRequired),
                        "default": field.defaultValue ?? .null, "summary": .string(field.toldSummary),
                    ])
            }
            print(listing.text(output.output))
        }

        /// The first is what is meant where nothing is said.
        private static func views(of type: any SystemType) -> String {
            type.views.map { type.attachedViews.contains($0) ? "\($0.rawValue) (attached to a host)" : $0.rawValue }.joined(separator: ", ")
        }

        /// With what every repository has behind its type's own.
        private func declaration(in catalog: Catalog) -> (summary: String, schema: SettingsSchema)? {
            if let type = catalog.system(name) { return (type.summary, type.schema) }
            if let type = catalog.repository(name) { return (type.summary, SettingsSchema(type.schema.fields + StoreAccess.schema.fields)) }
            if let verb = catalog.verb(name)?.declaration { return (verb.summary, verb.schema) }
            return nil
        }
    }
}

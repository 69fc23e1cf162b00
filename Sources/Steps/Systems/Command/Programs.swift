import Basics
import StepKit

/// One program, or several by the names of the streams that they write or read.
enum Programs: SettingValue, Hashable {
    case one([String])
    case named([String: [String]])

    static var settingType: SettingType { .either([.argv, .map(.argv)]) }

    init?(setting json: JSONValue) {
        if let arguments = [String](setting: json) {
            self = .one(arguments)
        } else if let streams = [String: [String]](setting: json) {
            self = .named(streams)
        } else {
            return nil
        }
    }

    var settingJSON: JSONValue {
        switch self {
        case .one(let arguments): arguments.settingJSON
        case .named(let streams): streams.settingJSON
        }
    }

    /// What they are called in an identity: the program as it is written, or the streams' names.
    var words: String {
        switch self {
        case .one(let arguments): arguments.joined(separator: " ")
        case .named(let streams): streams.keys.sorted().joined(separator: ",")
        }
    }

    var isEmpty: Bool {
        switch self {
        case .one(let arguments): arguments.isEmpty
        case .named(let streams): streams.isEmpty
        }
    }

    /// The name that is no file's, if there is one: streams are files of a folder.
    var badName: String? {
        guard case .named(let streams) = self else { return nil }
        return streams.keys.sorted().first { name in
            ["", ".", ".."].contains(name) || name.contains("/") || name.utf8.contains(0) || name.utf8.count > 255
        }
    }
}

/// What a stream whose program failed makes of a copy of several.
enum StreamFailure: String, CaseIterable, Sendable {
    /// The copy fails.
    case fail
    /// The others are kept, and the copy counts as partial.
    case partial
}

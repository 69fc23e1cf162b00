import Basics
import Repository
import StepKit

/// How much of a copy is read to prove it.
enum ReadDepth: SettingValue, Hashable {
    case metadata
    case sample(Percentage)
    case all

    static var settingType: SettingType { .either([.choice(["metadata", "all"]), .percentage]) }

    init?(setting json: JSONValue) {
        guard let text = json.stringValue else { return nil }
        switch text {
        case "metadata": self = .metadata
        case "all": self = .all
        default:
            guard let share = Percentage(text) else { return nil }
            self = share.percent == 100 ? .all : .sample(share)
        }
    }

    var settingJSON: JSONValue { .string(description) }

    var description: String {
        switch self {
        case .metadata: "metadata"
        case .sample(let share): share.description
        case .all: "all"
        }
    }

    var checkRead: CheckRead {
        switch self {
        case .metadata: .metadata
        case .sample(let share): .sample(share)
        case .all: .all
        }
    }

    var level: Proof.Level {
        switch self {
        case .metadata: .metadata
        case .sample: .sample
        case .all: .all
        }
    }
}

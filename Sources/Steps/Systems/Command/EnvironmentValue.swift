import Basics
import FlowModel
import StepKit

/// What an environment variable of a program is set to: a text, or a secret that the worker resolves when it starts the program.
enum EnvironmentValue: SettingValue, Hashable {
    case text(String)
    case secret(SecretReference)

    static var settingType: SettingType { .either([.string, .secret]) }

    init?(setting json: JSONValue) {
        if let text = json.stringValue {
            self = .text(text)
        } else if let reference = SecretReference(json: json) {
            self = .secret(reference)
        } else {
            return nil
        }
    }

    var settingJSON: JSONValue {
        switch self {
        case .text(let text): .string(text)
        case .secret(let reference): reference.json
        }
    }
}

import Basics
import StepKit

/// A word or a list of words.
struct OneOrMore: SettingValue, Hashable {
    var words: [String]

    static var settingType: SettingType { type(of: .string) }
    static func type(of word: SettingType) -> SettingType { .either([word, .list(word)]) }

    init?(setting json: JSONValue) {
        if let word = json.stringValue {
            words = [word]
        } else if let list = [String](setting: json), !list.isEmpty {
            words = list
        } else {
            return nil
        }
    }

    var settingJSON: JSONValue { words.count == 1 ? .string(words[0]) : .array(words.map { .string($0) }) }
}

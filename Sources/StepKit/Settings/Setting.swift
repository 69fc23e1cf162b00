public import Basics

/// A Swift type that a setting can have.
public protocol SettingValue: Sendable {
    static var settingType: SettingType { get }
    /// Nil when the JSON has another shape.
    init?(setting json: JSONValue)
    var settingJSON: JSONValue { get }
}

/// One declared setting: its key, its type, what it means, and its default.
public struct Setting<Value: SettingValue>: Sendable {
    /// The key in the document, camelCase.
    public var name: String
    /// For people, in one line: what it does. Shown by `plugins show`, in the JSON Schema and on the page.
    public var summary: String
    /// Which values are accepted: checked when a document is compiled.
    public var type: SettingType
    /// What holds where the document says nothing; nil: nothing holds.
    public var defaultValue: Value?
    /// A document without it is refused.
    public var isRequired: Bool

    /// An optional setting, with or without a default. `type` narrows the value's own type.
    public init(_ name: String, _ summary: String, default defaultValue: Value? = nil, type: SettingType? = nil) {
        self.name = name
        self.summary = summary
        self.type = type ?? Value.settingType
        self.defaultValue = defaultValue
        isRequired = false
    }

    /// A setting that must be given.
    public static func required(_ name: String, _ summary: String, type: SettingType? = nil) -> Setting {
        var setting = Setting(name, summary, type: type)
        setting.isRequired = true
        return setting
    }

    /// The same without its Swift type.
    public var field: SettingField {
        SettingField(name: name, summary: summary, type: type, defaultValue: defaultValue?.settingJSON, isRequired: isRequired)
    }
}

extension SettingField {
    /// The same, declared to do nothing yet; `meanwhile` says what to do until it does.
    public func idle(meanwhile: String) -> SettingField {
        var field = self
        field.meanwhile = meanwhile
        return field
    }

    /// The summary; of a setting that does nothing yet, that too.
    public var toldSummary: String { meanwhile.map { "\(summary). Does nothing yet: \($0)" } ?? summary }
}

/// A setting without its Swift type: what compiler, schema and docs read.
public struct SettingField: Sendable, Hashable {
    /// The key in the document, camelCase.
    public var name: String
    /// For people, in one line: what it does.
    public var summary: String
    /// Which values are accepted.
    public var type: SettingType
    /// What holds where the document says nothing; nil: nothing holds.
    public var defaultValue: JSONValue?
    /// A document without it is refused.
    public var isRequired: Bool
    /// Of a setting that is accepted and does nothing yet: what to do until it does. Documents that have it are warned of.
    public var meanwhile: String?

    public init(name: String, summary: String, type: SettingType, defaultValue: JSONValue? = nil, isRequired: Bool = false) {
        self.name = name
        self.summary = summary
        self.type = type
        self.defaultValue = defaultValue
        self.isRequired = isRequired
    }
}

/// All settings of a plug-in, verb or nested object, in the order in which docs show them.
public struct SettingsSchema: Sendable, Hashable {
    /// In the order in which docs show them; names are unique.
    public var fields: [SettingField]
    public init(_ fields: [SettingField]) { self.fields = fields }
    /// The field of that name; nil where there is none.
    public subscript(name: String) -> SettingField? { fields.first { $0.name == name } }
}

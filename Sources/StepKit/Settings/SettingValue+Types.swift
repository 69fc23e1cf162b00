public import Basics
public import FlowModel

extension String: SettingValue {
    public static var settingType: SettingType { .string }
    public init?(setting json: JSONValue) {
        guard let value = json.stringValue else { return nil }
        self = value
    }
    public var settingJSON: JSONValue { .string(self) }
}

extension Bool: SettingValue {
    public static var settingType: SettingType { .boolean }
    public init?(setting json: JSONValue) {
        guard let value = json.boolValue else { return nil }
        self = value
    }
    public var settingJSON: JSONValue { .bool(self) }
}

extension Int: SettingValue {
    public static var settingType: SettingType { .integer(Int64.min ... .max) }
    public init?(setting json: JSONValue) {
        guard let value = json.intValue else { return nil }
        self.init(exactly: value)
    }
    public var settingJSON: JSONValue { .int(Int64(self)) }
}

extension TimeSpan: SettingValue {
    public static var settingType: SettingType { .timeSpan }
    public init?(setting json: JSONValue) {
        guard let text = json.stringValue else { return nil }
        self.init(text)
    }
    public var settingJSON: JSONValue { .string(description) }
}

extension ByteCount: SettingValue {
    public static var settingType: SettingType { .byteCount }
    public init?(setting json: JSONValue) {
        guard let text = json.stringValue else { return nil }
        self.init(text)
    }
    public var settingJSON: JSONValue { .string(description) }
}

extension Percentage: SettingValue {
    public static var settingType: SettingType { .percentage }
    public init?(setting json: JSONValue) {
        guard let text = json.stringValue else { return nil }
        self.init(text)
    }
    public var settingJSON: JSONValue { .string(description) }
}

extension SecretReference: SettingValue {
    public static var settingType: SettingType { .secret }
    public init?(setting json: JSONValue) { self.init(json: json) }
    public var settingJSON: JSONValue { json }
}

extension JSONValue: SettingValue {
    public static var settingType: SettingType { .any }
    public init?(setting json: JSONValue) { self = json }
    public var settingJSON: JSONValue { self }
}

extension Array: SettingValue where Element: SettingValue {
    public static var settingType: SettingType { .list(Element.settingType) }
    public init?(setting json: JSONValue) {
        guard let elements = json.arrayValue else { return nil }
        var values: [Element] = []
        for element in elements {
            guard let value = Element(setting: element) else { return nil }
            values.append(value)
        }
        self = values
    }
    public var settingJSON: JSONValue { .array(map(\.settingJSON)) }
}

extension Dictionary: SettingValue where Key == String, Value: SettingValue {
    public static var settingType: SettingType { .map(Value.settingType) }
    public init?(setting json: JSONValue) {
        guard let members = json.objectValue else { return nil }
        var values: [String: Value] = [:]
        for (key, member) in members {
            guard let value = Value(setting: member) else { return nil }
            values[key] = value
        }
        self = values
    }
    public var settingJSON: JSONValue { .object(mapValues(\.settingJSON)) }
}

import Basics
import StepKit

/// What the compiler checks of documents' own keys besides their types, as far as JSON Schema can say it.
extension DocumentKeys {
    private static let clockTime = "^([01][0-9]|2[0-3]):[0-5][0-9]$"

    static var scheduleSchema: JSONValue {
        narrowed(schedule, ["cron": pattern(CronExpression.pattern), "timeZone": pattern(ZoneName.pattern)])
    }

    static var blackoutSchema: JSONValue {
        narrowed(blackout, ["from": pattern(clockTime), "to": pattern(clockTime), "timeZone": pattern(ZoneName.pattern)])
    }

    static var retrySchema: JSONValue {
        narrowed(retry, ["factor": ["type": "number", "minimum": 1, "maximum": 100]])
    }

    /// A default is of the parameter's type.
    static var parameterSchema: JSONValue {
        let rules = parameterTypes.map { name, type -> JSONValue in
            [
                "if": ["properties": ["type": ["const": .string(name)]], "required": ["type"]],
                "then": ["properties": ["default": type.plainSchema]],
            ]
        }
        return parameter.schema.adding(["allOf": .array(rules)])
    }

    private static func pattern(_ text: String) -> [String: JSONValue] { ["type": "string", "pattern": .string(text)] }

    private static func narrowed(_ schema: SettingsSchema, _ more: [String: [String: JSONValue]]) -> JSONValue {
        var properties = schema.properties
        for (name, members) in more { properties[name] = (properties[name] == true ? [:] : properties[name])?.adding(members) }
        return schema.schema.adding(["properties": .object(properties)])
    }
}

public import Basics
public import FlowModel

extension Plan {
    /// What `${pipeline.…}` reaches.
    public var expressionFields: [String: JSONValue] {
        ["name": .string(pipeline), "labels": .object(labels.mapValues(JSONValue.string))]
    }
}

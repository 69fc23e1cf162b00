/// Encodes straight into a JSON value, with no text in between: every transition of a job does it many times.
///
/// As Foundation's encoder with its default strategies, but that bytes (`Data`) and dates, which no value of ours holds, have no spelling of their own.
struct JSONValueEncoder: Encoder {
    /// A value on its way.
    final class Node {
        private enum Content {
            case value(JSONValue)
            case array([Node])
            case object([String: Node])
        }
        private var content: Content?

        func set(_ value: JSONValue) { content = .value(value) }

        func beArray() { if case .array? = content {} else { content = .array([]) } }
        func beObject() { if case .object? = content {} else { content = .object([:]) } }

        var count: Int { if case .array(let elements)? = content { elements.count } else { 0 } }

        func append() -> Node {
            let element = Node()
            guard case .array(var elements)? = content else { preconditionFailure("an unkeyed container is an array") }
            content = nil
            elements.append(element)
            content = .array(elements)
            return element
        }

        func member(_ name: String) -> Node {
            let member = Node()
            guard case .object(var members)? = content else { preconditionFailure("a keyed container is an object") }
            content = nil
            members[name] = member
            content = .object(members)
            return member
        }

        /// What encodes nothing is an object without members, as for Foundation.
        var value: JSONValue {
            switch content {
            case .value(let value)?: value
            case .array(let elements)?: .array(elements.map(\.value))
            case .object(let members)?: .object(members.mapValues(\.value))
            case nil: .object([:])
            }
        }
    }

    let node: Node
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    static func encode(_ value: some Encodable) throws -> JSONValue {
        let node = Node()
        try JSONValueEncoder(node: node, codingPath: []).put(value)
        return node.value
    }

    fileprivate func put<Value: Encodable>(_ value: Value) throws {
        if Value.self == JSONValue.self, let json = value as? JSONValue { return try put(json) }
        if Value.self == [String: JSONValue].self, let members = value as? [String: JSONValue] { return try put(.object(members)) }
        try value.encode(to: self)
    }

    private func put(_ json: JSONValue) throws {
        try require(json)
        node.set(json)
    }

    /// Every number in it can be spelled.
    private func require(_ json: JSONValue) throws {
        switch json {
        case .double(let value): try require(value)
        case .array(let elements): for element in elements { try require(element) }
        case .object(let members): for member in members.values { try require(member) }
        default: break
        }
    }

    private func require(_ value: Double) throws {
        guard value.isFinite else {
            throw EncodingError.invalidValue(
                value, .init(codingPath: codingPath, debugDescription: "expected a number that JSON can spell, found \(value)"))
        }
    }

    fileprivate func put(_ value: Double) throws {
        try require(value)
        node.set(Int64(exactly: value).map { .int($0) } ?? .double(value))
    }

    fileprivate func put(whole value: some BinaryInteger) {
        node.set(Int64(exactly: value).map { .int($0) } ?? .double(Double(value)))
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        node.beObject()
        return KeyedEncodingContainer(Keyed<Key>(encoder: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        node.beArray()
        return Unkeyed(encoder: self)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { Single(encoder: self) }

    // MARK: containers

    private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let encoder: JSONValueEncoder
        var codingPath: [any CodingKey] { encoder.codingPath }

        private func at(_ key: some CodingKey) -> JSONValueEncoder {
            JSONValueEncoder(node: encoder.node.member(key.stringValue), codingPath: encoder.codingPath + [key])
        }

        func encodeNil(forKey key: Key) { at(key).node.set(.null) }
        func encode(_ value: Bool, forKey key: Key) { at(key).node.set(.bool(value)) }
        func encode(_ value: String, forKey key: Key) { at(key).node.set(.string(value)) }
        func encode(_ value: Double, forKey key: Key) throws { try at(key).put(value) }
        func encode(_ value: Float, forKey key: Key) throws { try at(key).put(Double(value)) }
        func encode(_ value: Int, forKey key: Key) { at(key).put(whole: value) }
        func encode(_ value: Int8, forKey key: Key) { at(key).put(whole: value) }
        func encode(_ value: Int16, forKey key: Key) { at(key).put(whole: value) }
        func encode(_ value: Int32, forKey key: Key) { at(key).put(whole: value) }
        func encode(_ value: Int64, forKey key: Key) { at(key).put(whole: value) }
        func encode(_ value: UInt, forKey key: Key) { at(key).put(whole: value) }
        func encode(_ value: UInt8, forKey key: Key) { at(key).put(whole: value) }
        func encode(_ value: UInt16, forKey key: Key) { at(key).put(whole: value) }
        func encode(_ value: UInt32, forKey key: Key) { at(key).put(whole: value) }
        func encode(_ value: UInt64, forKey key: Key) { at(key).put(whole: value) }
        func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws { try at(key).put(value) }

        func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) -> KeyedEncodingContainer<Nested> {
            at(key).container(keyedBy: type)
        }
        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { at(key).unkeyedContainer() }
        func superEncoder() -> any Encoder { at(JSONIndex(stringValue: "super")) }
        func superEncoder(forKey key: Key) -> any Encoder { at(key) }
    }

    private struct Unkeyed: UnkeyedEncodingContainer {
        let encoder: JSONValueEncoder
        var codingPath: [any CodingKey] { encoder.codingPath }
        var count: Int { encoder.node.count }

        private func next() -> JSONValueEncoder {
            let key = JSONIndex(intValue: count)
            return JSONValueEncoder(node: encoder.node.append(), codingPath: encoder.codingPath + [key])
        }

        func encodeNil() { next().node.set(.null) }
        func encode(_ value: Bool) { next().node.set(.bool(value)) }
        func encode(_ value: String) { next().node.set(.string(value)) }
        func encode(_ value: Double) throws { try next().put(value) }
        func encode(_ value: Float) throws { try next().put(Double(value)) }
        func encode(_ value: Int) { next().put(whole: value) }
        func encode(_ value: Int8) { next().put(whole: value) }
        func encode(_ value: Int16) { next().put(whole: value) }
        func encode(_ value: Int32) { next().put(whole: value) }
        func encode(_ value: Int64) { next().put(whole: value) }
        func encode(_ value: UInt) { next().put(whole: value) }
        func encode(_ value: UInt8) { next().put(whole: value) }
        func encode(_ value: UInt16) { next().put(whole: value) }
        func encode(_ value: UInt32) { next().put(whole: value) }
        func encode(_ value: UInt64) { next().put(whole: value) }
        func encode<Value: Encodable>(_ value: Value) throws { try next().put(value) }

        func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
            next().container(keyedBy: type)
        }
        func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { next().unkeyedContainer() }
        func superEncoder() -> any Encoder { next() }
    }

    private struct Single: SingleValueEncodingContainer {
        let encoder: JSONValueEncoder
        var codingPath: [any CodingKey] { encoder.codingPath }

        func encodeNil() { encoder.node.set(.null) }
        func encode(_ value: Bool) { encoder.node.set(.bool(value)) }
        func encode(_ value: String) { encoder.node.set(.string(value)) }
        func encode(_ value: Double) throws { try encoder.put(value) }
        func encode(_ value: Float) throws { try encoder.put(Double(value)) }
        func encode(_ value: Int) { encoder.put(whole: value) }
        func encode(_ value: Int8) { encoder.put(whole: value) }
        func encode(_ value: Int16) { encoder.put(whole: value) }
        func encode(_ value: Int32) { encoder.put(whole: value) }
        func encode(_ value: Int64) { encoder.put(whole: value) }
        func encode(_ value: UInt) { encoder.put(whole: value) }
        func encode(_ value: UInt8) { encoder.put(whole: value) }
        func encode(_ value: UInt16) { encoder.put(whole: value) }
        func encode(_ value: UInt32) { encoder.put(whole: value) }
        func encode(_ value: UInt64) { encoder.put(whole: value) }
        func encode<Value: Encodable>(_ value: Value) throws { try encoder.put(value) }
    }
}

/// A place in an array, or a name that no type declares.
struct JSONIndex: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(stringValue: String) {
        self.stringValue = stringValue
        intValue = nil
    }

    init(intValue: Int) {
        stringValue = "Index \(intValue)"
        self.intValue = intValue
    }
}

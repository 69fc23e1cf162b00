/// Decodes straight from a JSON value, with no text in between. As Foundation's decoder with its default strategies, but that bytes (`Data`) and dates,
/// which no value of ours holds, have no spelling of their own.
struct JSONValueDecoder: Decoder {
    let value: JSONValue
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    static func decode<Value: Decodable>(_ type: Value.Type, from value: JSONValue) throws -> Value {
        try JSONValueDecoder(value: value, codingPath: []).get(type)
    }

    // MARK: values

    fileprivate func mismatch(_ type: Any.Type, _ expected: String) -> DecodingError {
        let found =
            switch value {
            case .null: "null"
            case .bool: "true or false"
            case .int, .double: "a number"
            case .string: "a string"
            case .array: "an array"
            case .object: "an object"
            }
        let context = DecodingError.Context(codingPath: codingPath, debugDescription: "expected \(expected), found \(found)")
        return value.isNull ? .valueNotFound(type, context) : .typeMismatch(type, context)
    }

    fileprivate func get<Value: Decodable>(_ type: Value.Type) throws -> Value {
        if type == JSONValue.self, let whole = value as? Value { return whole }
        if type == [String: JSONValue].self, case .object(let members) = value, let whole = members as? Value { return whole }
        return try Value(from: self)
    }

    fileprivate func get(_ type: Bool.Type) throws -> Bool {
        guard let value = value.boolValue else { throw mismatch(type, "true or false") }
        return value
    }

    fileprivate func get(_ type: String.Type) throws -> String {
        guard let value = value.stringValue else { throw mismatch(type, "a string") }
        return value
    }

    fileprivate func get(_ type: Double.Type) throws -> Double {
        guard let value = value.doubleValue else { throw mismatch(type, "a number") }
        return value
    }

    fileprivate func whole<Integer: FixedWidthInteger>(_ type: Integer.Type) throws -> Integer {
        let exact: Integer? =
            switch value {
            case .int(let value): Integer(exactly: value)
            case .double(let value): Integer(exactly: value)
            default: throw mismatch(type, "a whole number")
            }
        guard let exact else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: codingPath, debugDescription: "expected a whole number that fits \(type), found \(value.canonicalText)"))
        }
        return exact
    }

    // MARK: containers

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .object(let members) = value else { throw mismatch([String: JSONValue].self, "an object") }
        return KeyedDecodingContainer(Keyed<Key>(members: members, codingPath: codingPath))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let elements) = value else { throw mismatch([JSONValue].self, "an array") }
        return Unkeyed(elements: elements, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { Single(decoder: self) }

    private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let members: [String: JSONValue]
        let codingPath: [any CodingKey]

        var allKeys: [Key] { members.keys.compactMap { Key(stringValue: $0) } }
        func contains(_ key: Key) -> Bool { members[key.stringValue] != nil }

        private func at(_ key: some CodingKey) throws -> JSONValueDecoder {
            guard let value = members[key.stringValue] else {
                throw DecodingError.keyNotFound(
                    key, .init(codingPath: codingPath, debugDescription: "expected a member `\(key.stringValue)`, found none"))
            }
            return JSONValueDecoder(value: value, codingPath: codingPath + [key])
        }

        func decodeNil(forKey key: Key) throws -> Bool { try at(key).value.isNull }
        func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try at(key).get(type) }
        func decode(_ type: String.Type, forKey key: Key) throws -> String { try at(key).get(type) }
        func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try at(key).get(type) }
        func decode(_ type: Float.Type, forKey key: Key) throws -> Float { Float(try at(key).get(Double.self)) }
        func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try at(key).whole(type) }
        func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try at(key).whole(type) }
        func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try at(key).whole(type) }
        func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try at(key).whole(type) }
        func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try at(key).whole(type) }
        func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try at(key).whole(type) }
        func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try at(key).whole(type) }
        func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try at(key).whole(type) }
        func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try at(key).whole(type) }
        func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try at(key).whole(type) }
        func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value { try at(key).get(type) }

        func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws -> KeyedDecodingContainer<Nested> {
            try at(key).container(keyedBy: type)
        }
        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { try at(key).unkeyedContainer() }
        func superDecoder() -> any Decoder {
            JSONValueDecoder(value: members["super"] ?? .null, codingPath: codingPath + [JSONIndex(stringValue: "super")])
        }
        func superDecoder(forKey key: Key) -> any Decoder {
            JSONValueDecoder(value: members[key.stringValue] ?? .null, codingPath: codingPath + [key])
        }
    }

    private struct Unkeyed: UnkeyedDecodingContainer {
        let elements: [JSONValue]
        let codingPath: [any CodingKey]
        var currentIndex = 0

        init(elements: [JSONValue], codingPath: [any CodingKey]) {
            self.elements = elements
            self.codingPath = codingPath
        }

        var count: Int? { elements.count }
        var isAtEnd: Bool { currentIndex >= elements.count }

        private func current(_ type: Any.Type) throws -> JSONValueDecoder {
            let path = codingPath + [JSONIndex(intValue: currentIndex)]
            guard !isAtEnd else {
                throw DecodingError.valueNotFound(
                    type, .init(codingPath: path, debugDescription: "expected one more element, found the end of the array"))
            }
            return JSONValueDecoder(value: elements[currentIndex], codingPath: path)
        }

        private mutating func next<Value>(_ type: Value.Type, _ body: (JSONValueDecoder) throws -> Value) throws -> Value {
            let value = try body(current(type))
            currentIndex += 1
            return value
        }

        mutating func decodeNil() throws -> Bool {
            guard try current(Never.self).value.isNull else { return false }
            currentIndex += 1
            return true
        }
        mutating func decode(_ type: Bool.Type) throws -> Bool { try next(type) { try $0.get(type) } }
        mutating func decode(_ type: String.Type) throws -> String { try next(type) { try $0.get(type) } }
        mutating func decode(_ type: Double.Type) throws -> Double { try next(type) { try $0.get(type) } }
        mutating func decode(_ type: Float.Type) throws -> Float { try next(type) { Float(try $0.get(Double.self)) } }
        mutating func decode(_ type: Int.Type) throws -> Int { try next(type) { try $0.whole(type) } }
        mutating func decode(_ type: Int8.Type) throws -> Int8 { try next(type) { try $0.whole(type) } }
        mutating func decode(_ type: Int16.Type) throws -> Int16 { try next(type) { try $0.whole(type) } }
        mutating func decode(_ type: Int32.Type) throws -> Int32 { try next(type) { try $0.whole(type) } }
        mutating func decode(_ type: Int64.Type) throws -> Int64 { try next(type) { try $0.whole(type) } }
        mutating func decode(_ type: UInt.Type) throws -> UInt { try next(type) { try $0.whole(type) } }
        mutating func decode(_ type: UInt8.Type) throws -> UInt8 { try next(type) { try $0.whole(type) } }
        mutating func decode(_ type: UInt16.Type) throws -> UInt16 { try next(type) { try $0.whole(type) } }
        mutating func decode(_ type: UInt32.Type) throws -> UInt32 { try next(type) { try $0.whole(type) } }
        mutating func decode(_ type: UInt64.Type) throws -> UInt64 { try next(type) { try $0.whole(type) } }
        mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try next(type) { try $0.get(type) } }

        mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws -> KeyedDecodingContainer<Nested> {
            try next(KeyedDecodingContainer<Nested>.self) { try $0.container(keyedBy: type) }
        }
        mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
            try next((any UnkeyedDecodingContainer).self) { try $0.unkeyedContainer() }
        }
        mutating func superDecoder() throws -> any Decoder { try next((any Decoder).self) { $0 } }
    }

    private struct Single: SingleValueDecodingContainer {
        let decoder: JSONValueDecoder
        var codingPath: [any CodingKey] { decoder.codingPath }

        func decodeNil() -> Bool { decoder.value.isNull }
        func decode(_ type: Bool.Type) throws -> Bool { try decoder.get(type) }
        func decode(_ type: String.Type) throws -> String { try decoder.get(type) }
        func decode(_ type: Double.Type) throws -> Double { try decoder.get(type) }
        func decode(_ type: Float.Type) throws -> Float { Float(try decoder.get(Double.self)) }
        func decode(_ type: Int.Type) throws -> Int { try decoder.whole(type) }
        func decode(_ type: Int8.Type) throws -> Int8 { try decoder.whole(type) }
        func decode(_ type: Int16.Type) throws -> Int16 { try decoder.whole(type) }
        func decode(_ type: Int32.Type) throws -> Int32 { try decoder.whole(type) }
        func decode(_ type: Int64.Type) throws -> Int64 { try decoder.whole(type) }
        func decode(_ type: UInt.Type) throws -> UInt { try decoder.whole(type) }
        func decode(_ type: UInt8.Type) throws -> UInt8 { try decoder.whole(type) }
        func decode(_ type: UInt16.Type) throws -> UInt16 { try decoder.whole(type) }
        func decode(_ type: UInt32.Type) throws -> UInt32 { try decoder.whole(type) }
        func decode(_ type: UInt64.Type) throws -> UInt64 { try decoder.whole(type) }
        func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try decoder.get(type) }
    }
}

import Basics
import Foundation
import Testing

/// What goes through a JSON value comes back, and looks as Foundation spells it.
@Suite struct JSONValueCodingTests {
    struct Sample: Codable, Equatable {
        enum Shape: Codable, Equatable {
            case point
            case circle(radius: Double)
            case named(String, Int)
        }
        enum Level: String, Codable { case low, high }
        struct Inner: Codable, Equatable {
            var id: UInt64
            var free: JSONValue
        }

        var text = "ä/\"\\\n"
        var whole = -3
        var small: Int8 = .min
        var large = Int64.max
        var unsigned = UInt32.max
        var half = 0.5
        var round = 4.0
        var single: Float = 0.25
        var truth = true
        var missing: String?
        var there: String? = "x"
        var list: [Int?] = [1, nil, 3]
        var nested: [[String]] = [[], ["a"]]
        var named = ["k": Inner(id: 7, free: ["a": [1, nil, .double(1.5)]]), "": Inner(id: 0, free: nil)]
        var free: [String: JSONValue] = ["a": nil, "b": ["c": 1]]
        var shapes = [Shape.point, .circle(radius: 2), .named("n", 1)]
        var level = Level.high
        var levels: [Level: Int] = [.low: 1]
        var empty = Empty()
        var none: [String] = []
        var time = TimeSpan.seconds(90)
    }
    struct Empty: Codable, Equatable {}

    @Test func asFoundationSpellsIt() throws {
        let value = try JSONValue(encoding: Sample())
        #expect(try value == JSONValue(parsing: JSONEncoder().encode(Sample())))
        #expect(try value.decoded(as: Sample.self) == Sample())
        #expect(try JSONDecoder().decode(Sample.self, from: Data(value.canonicalBytes)) == Sample())
        #expect(value["missing"] == nil && value["round"] == 4 && value["empty"] == [:])
    }

    @Test func whatIsNoObjectToo() throws {
        #expect(try JSONValue(encoding: [1, 2]) == [1, 2])
        #expect(try JSONValue(encoding: "x") == "x")
        #expect(try JSONValue(encoding: Int?.none) == nil)
        #expect(try JSONValue(encoding: JSONValue.double(-0.0)) == .double(-0.0))
        #expect(try JSONValue(encoding: -0.0) == 0)
        #expect(try JSONValue.int(3).decoded(as: Double.self) == 3)
        #expect(try JSONValue.double(3).decoded(as: Int.self) == 3)
        #expect(try JSONValue.null.decoded(as: Int?.self) == nil)
        #expect(try ([1, "a"] as JSONValue).decoded(as: [JSONValue].self) == [1, "a"])
    }

    /// A class above another one keeps its part under `super`.
    @Test func whatIsInherited() throws {
        class Base: Codable {
            var base = 1
            init() {}
        }
        final class Derived: Base {
            var own = 2
            override init() { super.init() }
            enum Keys: CodingKey { case own }
            required init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: Keys.self)
                own = try container.decode(Int.self, forKey: .own)
                try super.init(from: container.superDecoder())
            }
            override func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Keys.self)
                try container.encode(own, forKey: .own)
                try super.encode(to: container.superEncoder())
            }
        }
        let value = try JSONValue(encoding: Derived())
        #expect(value == ["own": 2, "super": ["base": 1]])
        let back = try value.decoded(as: Derived.self)
        #expect(back.own == 2 && back.base == 1)
    }

    @Test func whatDoesNotFit() throws {
        struct Pair: Decodable { var a: [UInt8] }
        func error(_ value: JSONValue) -> DecodingError? { #expect(throws: DecodingError.self) { try value.decoded(as: Pair.self) } }
        guard case .keyNotFound(let key, _)? = error([:]), key.stringValue == "a" else { return #expect(Bool(false), "no missing member") }
        guard case .typeMismatch(_, let at)? = error(["a": [1, "x"]]) else { return #expect(Bool(false), "no mismatch") }
        #expect(at.codingPath.map(\.stringValue) == ["a", "Index 1"] && at.debugDescription == "expected a whole number, found a string")
        for wrong: JSONValue in [["a": [256]], ["a": [-1]], ["a": [.double(0.5)]]] {
            guard case .dataCorrupted? = error(wrong) else { return #expect(Bool(false), "\(wrong) fits") }
        }
        guard case .valueNotFound? = error(["a": [nil]]), case .valueNotFound? = error(["a": nil]) else {
            return #expect(Bool(false), "null is no value")
        }
        for wrong: JSONValue in [["a": [:]], [], "a", nil, ["a": [true]]] { _ = error(wrong) }
        #expect(throws: EncodingError.self) { try JSONValue(encoding: [Double.nan]) }
        #expect(throws: EncodingError.self) { try JSONValue(encoding: ["x": Double.infinity]) }
        for wrong: JSONValue in [.double(.nan), [["a": .double(.infinity)]], ["a": [.double(-.infinity)]]] {
            #expect(throws: EncodingError.self) { try JSONValue(encoding: wrong) }
            #expect(throws: EncodingError.self) { try JSONValue(encoding: ["x": wrong]) }
            #expect(throws: EncodingError.self) { try JSONValue(encoding: [wrong]) }
        }
    }
}

import StorageKit
import Testing

@testable import CephSteps

@Suite struct RadosPathTests {
    private func path(_ object: RadosObject, _ part: RadosPath.Part) -> TreePath {
        TreePath(
            [RadosPath.folder(namespace: object.namespace), RadosPath.folder(shard: RadosPath.shard(object.name))]
                + RadosPath.parts(object, part))
    }

    private static let names: [[UInt8]] =
        ["a", ".", "..", "...", "/", "//", "a/b", "%", "%2F", "%omap", "a%omap", "%@", "a%@b", "%+", "a%+", "\n", "é"].map {
            Array($0.utf8)
        }
        + [[0xff, 0xfe], [0x01]]
        + [239, 240, 241, 481].flatMap { count in
            [UInt8(ascii: "x"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "%")].map { [UInt8](repeating: $0, count: count) }
        } + [[UInt8](repeating: 120, count: 240) + [46], [UInt8](repeating: 120, count: 240) + [46, 46]]

    @Test(arguments: [[], Array("site".utf8), Array("@/..".utf8)])
    func everyNameHasAPlaceOfItsOwn(_ space: [UInt8]) throws {
        var places: Set<TreePath> = []
        for name in Self.names {
            for locator in [[], Array("by/this".utf8), Array("%omap".utf8), [UInt8](repeating: 47, count: 300)] {
                let object = RadosObject(namespace: space, name: name, locator: locator)
                for part in [RadosPath.Part.data, .omap] {
                    let place = path(object, part)
                    #expect(
                        place.parts.allSatisfy { name in
                            name != "." && name != ".." && (1...255).contains(name.bytes.count) && !name.bytes.contains(0)
                                && !name.bytes.contains(UInt8(ascii: "/"))
                        })
                    #expect(places.insert(place).inserted, "\(place)")
                    let back = try #require(RadosPath.object(at: place, in: nil), "\(place)")
                    #expect(back.object == object && back.part == part, "\(place)")
                }
            }
        }
    }

    @Test(arguments: ["", "@", "@/7f", "a/7f/x", "@/7F/x", "@/zz/x", "@/00/a", "@/ed/a%2", "@/ed/a%00", "@/ed/folder/a"])
    func whatIsNoPlaceIsNone(_ path: String) {
        #expect(RadosPath.object(at: TreePath(path), in: nil) == nil)
    }

    /// Recorded: copies made long ago have to be read.
    @Test func placesStayWhatTheyAre() {
        #expect(path(RadosObject(name: Array("a".utf8)), .data).description == "@/ed/a")
        #expect(
            path(RadosObject(namespace: Array("n/s".utf8), name: Array("x/y%".utf8), locator: Array("l".utf8)), .omap).description
                == "@n%2Fs/\(RadosPath.folder(shard: RadosPath.shard(Array("x/y%".utf8))))/x%2Fy%25%@l%omap")
    }
}

/// A set of steps by their index: a bit each, so that copying, uniting and counting cost next to nothing. Iterates in the order of the plan.
struct StepIndices: Sendable, Sequence {
    private var words: [UInt64] = []

    init() {}
    init(_ indices: some Sequence<Int>) { for index in indices { insert(index) } }
    init(below count: Int) {
        words = Array(repeating: .max, count: count >> 6)
        if count & 63 != 0 { words.append(1 << UInt64(count & 63) - 1) }
    }

    var isEmpty: Bool { words.allSatisfy { $0 == 0 } }
    var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    func contains(_ index: Int) -> Bool { index >> 6 < words.count && words[index >> 6] & 1 << UInt64(index & 63) != 0 }

    mutating func insert(_ index: Int) {
        while words.count <= index >> 6 { words.append(0) }
        words[index >> 6] |= 1 << UInt64(index & 63)
    }

    mutating func remove(_ index: Int) {
        if index >> 6 < words.count { words[index >> 6] &= ~(1 << UInt64(index & 63)) }
    }

    mutating func set(_ index: Int, _ isMember: Bool) { if isMember { insert(index) } else { remove(index) } }

    mutating func formUnion(_ other: StepIndices) {
        while words.count < other.words.count { words.append(0) }
        for place in other.words.indices { words[place] |= other.words[place] }
    }

    func union(_ other: StepIndices) -> StepIndices {
        var result = self
        result.formUnion(other)
        return result
    }

    func intersection(_ other: StepIndices) -> StepIndices {
        var result = StepIndices()
        result.words = zip(words, other.words).map { $0 & $1 }
        return result
    }

    func subtracting(_ other: StepIndices) -> StepIndices {
        var result = self
        for place in words.indices where place < other.words.count { result.words[place] &= ~other.words[place] }
        return result
    }

    func isDisjoint(with other: StepIndices) -> Bool { zip(words, other.words).allSatisfy { $0 & $1 == 0 } }

    struct Iterator: IteratorProtocol {
        fileprivate let words: [UInt64]
        fileprivate var place = 0
        fileprivate var rest: UInt64

        mutating func next() -> Int? {
            while rest == 0 {
                place += 1
                guard place < words.count else { return nil }
                rest = words[place]
            }
            defer { rest &= rest - 1 }
            return place << 6 + rest.trailingZeroBitCount
        }
    }

    func makeIterator() -> Iterator { Iterator(words: words, rest: words.first ?? 0) }
}

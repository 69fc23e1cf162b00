import Basics
import Foundation
import StepKit
import StorageKit
import Testing

extension SystemCheck {
    /// What every system that is an image promises.
    static let imageSource: [SystemCheck] = [
        SystemCheck("an image is read anywhere and says what it holds", [.imageSource]) { bench in
            let system = try await bench.open(as: (any ImageSource).self)
            #expect(system.logicalPath.parts.first?.description == bench.type && system.logicalPath.parts.count > 1)
            try await system.withImage(of: nil, bench.context) { image in
                #expect(image.granularity.nonzeroBitCount == 1)
                let whole = try image.bytes(0..<image.size)
                let allocated = try image.allocatedExtents()
                for (one, next) in zip(allocated, allocated.dropFirst()) { #expect(one.upperBound <= next.lowerBound) }
                for index in 0..<Int(image.size) where whole[index] != 0 {
                    #expect(allocated.contains { $0.contains(Int64(index)) }, "byte \(index) is no zero and not allocated")
                    if index > 4096 { break }
                }
                let asked = [0..<min(image.size / 4, 512), image.size / 3..<image.size / 3 + 1, image.size / 2..<image.size]
                let some = try image.allocatedExtents(within: asked)
                // Joined or cut elsewhere, it is the same bytes.
                #expect(some.joined == allocated.intersection(asked).joined)
                #expect(try image.allocatedExtents(within: []) == [])
                let middle = image.size / 2..<image.size
                #expect(try image.bytes(middle) == Array(whole[Int(middle.lowerBound)...]))
                // A token that nobody gave is no good.
                #expect(try image.changedExtents(since: ["key": "never-taken", "state": [:]]) == nil)
            }
        },
        SystemCheck("a snapshot stays what it was", [.imageSource, .snapshotting]) { bench in
            let system = try await bench.open(as: (any Snapshotting & ImageSource).self)
            let before = try await system.withImage(of: nil, bench.context) { try $0.bytes(0..<$0.size) }
            let snapshot = try await system.snapshot(key: "k", bench.context)
            try bench.sample.write("something else, and longer than it was", to: "a")
            #expect(try await system.withImage(of: snapshot, bench.context) { try $0.bytes(0..<$0.size) } == before)
            try await system.release(key: "k", bench.context)
        },
    ]
}

extension [Range<Int64>] {
    /// One where two touch.
    var joined: [Range<Int64>] {
        reduce(into: []) { ranges, next in
            if let last = ranges.last, last.upperBound == next.lowerBound {
                ranges[ranges.count - 1] = last.lowerBound..<next.upperBound
            } else {
                ranges.append(next)
            }
        }
    }
}

extension ImageReader {
    func bytes(_ range: Range<Int64>) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0xEE, count: Int(range.upperBound - range.lowerBound))
        try bytes.withUnsafeMutableBytes { try read(into: $0, at: range.lowerBound) }
        return bytes
    }
}

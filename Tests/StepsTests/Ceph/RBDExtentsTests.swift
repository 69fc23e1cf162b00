#if Ceph
    import Rigs
    import StorageKit
    import Testing

    @testable import CephSteps

    /// What an image says that it holds.
    @Suite struct RBDExtentsTests {
        private static func noise(_ count: Int) -> [UInt8] {
            var random = SystemRandomNumberGenerator()
            var bytes: [UInt8] = []
            while bytes.count < count { withUnsafeBytes(of: random.next()) { bytes += $0 } }
            return Array(bytes.prefix(count))
        }

        /// Wherever its parts begin and end, and however long they are.
        @Test(arguments: [
            [], ["--image-feature", "layering"], ["--object-size", "1M"],
            ["--image-feature", "layering,exclusive-lock,object-map,fast-diff", "--stripe-unit", "65536", "--stripe-count", "4"],
        ])
        func whatItsPartsHoldIsWhatItHolds(_ options: [String]) async throws {
            let size: Int64 = (250 << 20) + 4096
            let scratch = try await ScratchImage(size: size, options)
            for _ in 0..<40 {
                try scratch.write(Self.noise(.random(in: 1...70_000)), at: .random(in: 0..<size - 70_000))
            }
            try scratch.write(Self.noise(20 << 20), at: (101 << 20) + 5)
            let image = try scratch.open(.readOnly)
            let whole = try image.extents(since: nil, onlyExisting: true)
            #expect(whole.count > 1)
            for number in 0..<30 {
                let count = 2 * Int.random(in: 1...(number % 3 == 0 ? 20 : 2))
                let ends = Set((0..<count).map { _ in Int64.random(in: 0...size) }).sorted()
                let parts = stride(from: 0, to: ends.count - 1, by: 2).map { ends[$0]..<ends[$0 + 1] }
                let found = try image.extents(since: nil, within: parts, onlyExisting: true)
                #expect(found.joined == whole.intersection(parts).joined, "\(parts)")
            }
            #expect(
                try image.extents(since: nil, within: [1 << 20..<size], onlyExisting: true).joined
                    == whole.intersection([1 << 20..<size]).joined)
        }
    }
#endif

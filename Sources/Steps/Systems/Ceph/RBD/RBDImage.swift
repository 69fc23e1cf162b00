import Basics
import CephLibraries
import FlowModel
import Glibc
import StepKit
import StorageKit
import Synchronization

/// An opened image, or a snapshot of one. Calls block.
final class RBDImage: @unchecked Sendable {  // librbd's handle may be used by several threads
    let pool: CephPool
    let location: String
    let name: String
    private let handle: rbd_image_t
    private let isOpen = Mutex(true)

    enum Access {
        case readOnly, readWrite
    }

    init(_ name: String, in pool: CephPool, _ access: Access) throws(StorageError) {
        location = "\(pool.name)/\(name)"
        self.pool = pool
        self.name = name
        var made: rbd_image_t?
        let code =
            access == .readOnly
            ? rbd_open_read_only(pool.handle, name, &made, nil) : rbd_open(pool.handle, name, &made, nil)
        guard code == 0, let made else { throw .ceph(code, expected: "an image that can be opened", at: location) }
        handle = made
    }

    deinit { close() }

    /// Nothing may be asked of it afterwards: for an image that is to be removed, which nobody may have open.
    func close() {
        isOpen.withLock { isOpen in
            if isOpen { rbd_close(handle) }
            isOpen = false
        }
    }

    /// For calls of other files; the image stays open meanwhile.
    func withHandle<Value>(_ body: (rbd_image_t) -> Value) -> Value { withExtendedLifetime(self) { body(handle) } }

    private func check(_ code: Int32, _ expected: String) throws(StorageError) {
        guard code >= 0 else { throw .ceph(code, expected: expected, at: location) }
    }

    // MARK: what it is

    /// The name of its objects, which no other image of the pool ever has.
    func id() throws(StorageError) -> String {
        var text = [CChar](repeating: 0, count: 128)
        try check(rbd_get_id(handle, &text, text.count), "the image's id")
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func size() throws(StorageError) -> Int64 {
        var size: UInt64 = 0
        try check(rbd_get_size(handle, &size), "the image's size")
        return Int64(size)
    }

    /// Whether changes are known by whole objects, without looking at them.
    func hasFastDiff() throws(StorageError) -> Bool {
        var features: UInt64 = 0
        var flags: UInt64 = 0
        try check(rbd_get_features(handle, &features), "the image's features")
        try check(rbd_get_flags(handle, &flags), "the state of the image's object map")
        let needed: UInt64 = 1 << 3 | 1 << 4  // object-map, fast-diff (rbd/features.h)
        return features & needed == needed && flags & 3 == 0  // neither of the two is invalid
    }

    /// Clients that have it open for writing.
    func watchers() throws(StorageError) -> [String] {
        var count = 32
        while true {
            var found = [rbd_image_watcher_t](repeating: rbd_image_watcher_t(), count: count)
            let code = rbd_watchers_list(handle, &found, &count)
            if code == -ERANGE { continue }
            try check(code, "a list of who uses the image")
            defer { rbd_watchers_list_cleanup(&found, count) }
            return found.prefix(count).compactMap { $0.addr.map { String(cString: $0) } }
        }
    }

    // MARK: snapshots

    /// Ids by name.
    func snapshots() throws(StorageError) -> [String: UInt64] {
        var count: Int32 = 16
        while true {
            var found = [rbd_snap_info_t](repeating: rbd_snap_info_t(), count: Int(count))
            let code = rbd_snap_list(handle, &found, &count)
            if code == -ERANGE { continue }
            try check(code, "a list of the image's snapshots")
            defer { if code > 0 { rbd_snap_list_end(&found) } }
            return Dictionary(found.prefix(Int(code)).map { (String(cString: $0.name), $0.id) }) { first, _ in first }
        }
    }

    /// Ids of those of groups too.
    func allSnapshots() throws(StorageError) -> [UInt64] { try snapshots().values.sorted() }

    /// Whoever has the image open rests for it, where he can (librbd's quiesce hooks).
    func takeSnapshot(_ name: String) throws(StorageError) {
        try check(RBDProgress.reporting { rbd_snap_create2(handle, name, 0, $0, $1) }, "a snapshot \(name) that can be taken")
    }

    func removeSnapshot(_ name: String) throws(StorageError) {
        let code = RBDProgress.reporting { rbd_snap_remove2(handle, name, 0, $0, $1) }
        if code != -ENOENT { try check(code, "a snapshot \(name) that can be removed") }
    }

    // MARK: content

    /// The parts of it that hold data and lie in `ranges`: ascending, joined where they touch.
    func extents(within ranges: [Range<Int64>]) throws(StorageError) -> [Range<Int64>] {
        try changes(since: nil, within: ranges).filled
    }

    /// Where it may differ from its snapshot `former`. With fast-diff the object map says which objects to look at, and only those are asked what of
    /// them: a few bytes of an object are not the whole of it. It reports more than changed all the same: what an object grew by.
    func changes(since former: String) throws(StorageError) -> ImageChanges { try changes(since: former, within: [0..<size()]) }

    /// Without `former` since it was made. Where the ranges are short the objects are asked at once: the object map is read as a whole every time.
    /// librbd is asked about whole objects only, and its object map about the whole image only: releases before 16.2.8 misplace what they
    /// report of a range that begins within an object (tracker.ceph.com/issues/53784).
    private func changes(since former: String?, within ranges: [Range<Int64>]) throws(StorageError) -> ImageChanges {
        let size = try size()
        let period = try stripePeriod()
        var asked = ranges.alignedOutward(to: period, below: size)
        if try hasFastDiff(), asked.contains(where: { $0.upperBound - $0.lowerBound > Self.worthTheObjectMap }) {
            let map = try changes(since: former, in: 0..<size, wholeObjects: true)
            // What never held anything holds nothing now.
            asked = (former == nil ? map.filled : map.ranges).intersection(asked).alignedOutward(to: period, below: size)
        }
        var found = ImageChanges(ranges: [])
        for range in asked {
            let changes = try changes(since: former, in: range, wholeObjects: false)
            found.ranges += changes.ranges
            found.filled += changes.filled
            // Where there is nothing librbd says nothing.
            StillWorking.current?.say()
        }
        return ImageChanges(ranges: found.ranges.intersection(ranges), filled: found.filled.intersection(ranges))
    }

    /// Bytes.
    private static let worthTheObjectMap: Int64 = 64 << 20

    /// Bytes of the image after which its objects begin anew: those of one object, or of all that it is striped over.
    private func stripePeriod() throws(StorageError) -> Int64 {
        var status = rbd_image_info_t()
        var stripes: UInt64 = 0
        try check(rbd_stat(handle, &status, MemoryLayout<rbd_image_info_t>.size), "the size of the image's objects")
        try check(rbd_get_stripe_count(handle, &stripes), "what the image is striped over")
        return Int64(status.obj_size) * Int64(max(stripes, 1))
    }

    private func changes(since former: String?, in range: Range<Int64>, wholeObjects: Bool) throws(StorageError) -> ImageChanges {
        final class Found {
            var changes = ImageChanges(ranges: [])
            let working = StillWorking.current
        }
        let found = Found()
        let code = rbd_diff_iterate2(
            handle, former, UInt64(range.lowerBound), UInt64(range.upperBound - range.lowerBound), 1, wholeObjects ? 1 : 0,
            { offset, length, exists, context in
                guard let context else { return -EINVAL }
                let found = Unmanaged<Found>.fromOpaque(context).takeUnretainedValue()
                found.working?.say()
                let range = Int64(offset)..<Int64(offset) + Int64(length)
                found.changes.ranges.append(range)
                if exists != 0 { found.changes.filled.append(range) }
                return 0
            }, Unmanaged.passUnretained(found).toOpaque())
        try check(code, "a list of the image's extents")
        // With striping they come in the order of objects, not of bytes.
        return ImageChanges(ranges: found.changes.ranges.joined, filled: found.changes.filled.joined)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(StorageError) {
        var done = 0
        while done < buffer.count {
            let place = buffer.baseAddress?.advanced(by: done).assumingMemoryBound(to: CChar.self)
            let count = rbd_read2(handle, UInt64(offset) + UInt64(done), buffer.count - done, place, 0)
            guard count > 0 else {
                throw .ceph(
                    count == 0 ? -EIO : Int32(clamping: count), expected: "\(buffer.count.counted("byte")) at \(offset)", at: location)
            }
            done += count
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(StorageError) {
        var done = 0
        while done < bytes.count {
            let place = bytes.baseAddress?.advanced(by: done).assumingMemoryBound(to: CChar.self)
            let count = rbd_write2(handle, UInt64(offset) + UInt64(done), bytes.count - done, place, 0)
            guard count > 0 else {
                throw .ceph(count == 0 ? -EIO : Int32(clamping: count), expected: "room at \(offset)", at: location)
            }
            done += count
        }
    }

    /// Reads as zeros afterwards; gives the space back where it can.
    func zero(_ range: Range<Int64>) throws(StorageError) {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let count = min(range.upperBound - offset, 1 << 30)
            let done = rbd_write_zeroes(handle, UInt64(offset), Int(count), 0, 0)
            guard done >= 0 else { throw .ceph(Int32(clamping: done), expected: "zeros at \(offset)", at: location) }
            StillWorking.current?.say()
            offset += count
        }
    }

    func resize(to size: Int64) throws(StorageError) {
        try check(RBDProgress.reporting { rbd_resize2(handle, UInt64(size), true, $0, $1) }, "an image of \(size.counted("byte"))")
    }

    func flush() throws(StorageError) { try check(rbd_flush(handle), "the image's data on the cluster's disks") }
}

extension [Range<Int64>] {
    /// Ascending, and joined where they touch.
    fileprivate var joined: [Range<Int64>] {
        sorted { $0.lowerBound < $1.lowerBound }.reduce(into: []) { joined, range in
            if let last = joined.last, last.upperBound >= range.lowerBound {
                joined[joined.count - 1] = last.lowerBound..<Swift.max(last.upperBound, range.upperBound)
            } else {
                joined.append(range)
            }
        }
    }
}

extension CephPool {
    /// Every image's name.
    func images() throws(StorageError) -> [String] {
        var count = 256
        while true {
            var found = [rbd_image_spec_t](repeating: rbd_image_spec_t(), count: count)
            let code = rbd_list2(handle, &found, &count)
            if code == -ERANGE { continue }
            guard code >= 0 else { throw .ceph(code, expected: "a list of images", at: name) }
            defer { rbd_image_spec_list_cleanup(&found, count) }
            return found.prefix(count).compactMap { $0.name.map { String(cString: $0) } }
        }
    }

    func makeImage(_ image: String, size: Int64, _ shape: RBDShape) throws(StorageError) {
        var options: rbd_image_options_t?
        rbd_image_options_create(&options)
        defer { rbd_image_options_destroy(options) }
        var codes: [Int32] = []
        if let pool = shape.dataPool { codes.append(rbd_image_options_set_string(options, Int32(RBD_IMAGE_OPTION_DATA_POOL), pool)) }
        if let bytes = shape.objectSize {
            codes.append(rbd_image_options_set_uint64(options, Int32(RBD_IMAGE_OPTION_ORDER), UInt64(bytes.trailingZeroBitCount)))
        }
        if let names = shape.features {
            var features: UInt64 = 0
            codes.append(rbd_features_from_string(names.joined(separator: ","), &features))
            codes.append(rbd_image_options_set_uint64(options, Int32(RBD_IMAGE_OPTION_FEATURES), features))
        }
        if let unit = shape.stripeUnit, let count = shape.stripeCount {
            codes.append(rbd_image_options_set_uint64(options, Int32(RBD_IMAGE_OPTION_STRIPE_UNIT), UInt64(unit)))
            codes.append(rbd_image_options_set_uint64(options, Int32(RBD_IMAGE_OPTION_STRIPE_COUNT), UInt64(count)))
        }
        for code in codes where code < 0 { throw .ceph(code, expected: "features, object size and data pool that can be", at: image) }
        let code = rbd_create4(handle, image, UInt64(size), options)
        guard code == 0 else { throw .ceph(code, expected: "a new image of \(size.counted("byte"))", at: "\(name)/\(image)") }
    }

    func renameImage(_ image: String, to other: String) throws(StorageError) {
        let code = rbd_rename(handle, image, other)
        guard code == 0 else { throw .ceph(code, expected: "to name the image", at: "\(name)/\(other)") }
    }

    /// Succeeds when there is none.
    func removeImage(_ image: String) throws(StorageError) {
        let code = RBDProgress.reporting { rbd_remove_with_progress(handle, image, $0, $1) }
        guard code == 0 || code == -ENOENT else { throw .ceph(code, expected: "to remove the image", at: "\(name)/\(image)") }
    }
}

import Basics
import CephLibraries
import FlowModel
import Glibc
import StorageKit

/// What a new image is like; the cluster's defaults where nothing is said.
struct RBDShape: Sendable, Hashable, Codable {
    var features: [String]?
    /// Bytes, a power of two.
    var objectSize: Int64?
    var dataPool: String?
    /// Bytes; with `stripeCount`.
    var stripeUnit: Int64?
    var stripeCount: Int64?

    /// Under which an image's shape is recorded with its copy, as JSON.
    private static let attribute = "user.snappy-flow.ceph-rbd"

    /// What can be chosen when an image is made: layering, striping, exclusive-lock, object-map, fast-diff, deep-flatten, journaling
    /// (rbd/features.h). The others say what has become of it since.
    static let chosen: UInt64 = 0x7F

    var recorded: ExtendedAttribute? {
        (try? JSONValue(encoding: self)).map { ExtendedAttribute(name: Self.attribute, value: $0.canonicalBytes) }
    }

    /// What is not declared is as the source was. Its data pool is not: that may be full, or in another cluster.
    func completed(by image: ImageDescription) -> RBDShape {
        guard let bytes = image.attributes.first(where: { $0.name == Self.attribute })?.value,
            let source = try? JSONValue(parsing: bytes).decoded(as: RBDShape.self)
        else { return self }
        var shape = self
        shape.features = features ?? source.features
        if objectSize == nil {
            shape.objectSize = source.objectSize
            (shape.stripeUnit, shape.stripeCount) = (source.stripeUnit, source.stripeCount)
        }
        if shape.stripeUnit == nil { shape.features?.removeAll { $0 == "striping" } }
        return shape
    }
}

extension RBDImage {
    func shape() throws(StorageError) -> RBDShape {
        var (features, unit, count): (UInt64, UInt64, UInt64) = (0, 0, 0)
        var status = rbd_image_info_t()
        let codes = withHandle { handle in
            [
                rbd_get_features(handle, &features), rbd_get_stripe_unit(handle, &unit), rbd_get_stripe_count(handle, &count),
                rbd_stat(handle, &status, MemoryLayout<rbd_image_info_t>.size),
            ]
        }
        for code in codes where code < 0 {
            throw .ceph(code, expected: "the image's features and the size of its objects", at: location)
        }
        var text = [CChar](repeating: 0, count: 512)
        var length = text.count
        let code = rbd_features_to_string(features & RBDShape.chosen, &text, &length)
        guard code >= 0 else { throw .ceph(code, expected: "the names of the image's features", at: location) }
        let names = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let isStriped = count > 1
        return RBDShape(
            features: names.split(separator: ",").map(String.init), objectSize: Int64(status.obj_size), dataPool: nil,
            stripeUnit: isStriped ? Int64(unit) : nil, stripeCount: isStriped ? Int64(count) : nil)
    }
}

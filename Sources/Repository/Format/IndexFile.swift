import Crypto

/// An object under `index/`: which packs hold which blobs (restic design document, "Indexing").
struct IndexFile: Sendable {
    var packs: [IndexedPack]

    /// restic starts another file at this many blobs, so that an interrupted run loses little.
    static let maximumBlobs = 50_000

    var encoded: [UInt8] {
        var json = GoJSON(capacity: packs.reduce(64) { $0 + 96 + $1.blobs.count * 180 })
        json.object { json in
            json.key("packs")
            json.array { json in
                for pack in packs {
                    json.object { json in
                        json.key("id")
                        json.digest(pack.id)
                        json.key("blobs")
                        json.array { json in for blob in pack.blobs { blob.write(to: &json) } }
                    }
                }
            }
        }
        return json.bytes + [0x0A]
    }

    init(packs: [IndexedPack]) { self.packs = packs }

    init(decoding bytes: [UInt8], at location: String) throws {
        var packs: [IndexedPack] = []
        try JSONScanner.scan(bytes, at: location) { json in
            try json.object { json, key in
                if case "packs" = key { try json.array { packs.append(try IndexedPack(&$0)) } } else { try json.skip() }
            }
        }
        self.packs = packs
    }
}

extension IndexedPack {
    fileprivate init(_ json: inout JSONScanner) throws {
        var id: ObjectID?
        var blobs: [PackedBlob] = []
        try json.object { json, key in
            switch key {
            case "id": id = try json.digest()
            case "blobs": try json.array { blobs.append(try PackedBlob(&$0)) }
            default: try json.skip()
            }
        }
        guard let id else { throw json.failure("a pack's id before here") }
        self.init(id: id, blobs: blobs)
    }
}

extension PackedBlob {
    fileprivate func write(to json: inout GoJSON) {
        json.object { json in
            json.key("id")
            json.digest(key.id)
            json.key("type")
            json.string(key.kind == .data ? "data" : "tree")
            json.key("offset")
            json.number(offset)
            json.key("length")
            json.number(length)
            if plainLength != 0 {
                json.key("uncompressed_length")
                json.number(plainLength)
            }
        }
    }

    fileprivate init(_ json: inout JSONScanner) throws {
        var id: ObjectID?
        var kind: BlobKind?
        var (offset, length, plainLength): (UInt32, UInt32, UInt32) = (0, 0, 0)
        try json.object { json, key in
            switch key {
            case "id": id = try json.digest()
            case "type":
                switch try json.string() {
                case "data": kind = .data
                case "tree": kind = .tree
                default: throw json.failure("data or tree before here")
                }
            case "offset": offset = try json.unsigned()
            case "length": length = try json.unsigned()
            case "uncompressed_length": plainLength = try json.unsigned()
            default: try json.skip()
            }
        }
        guard let id, let kind, length >= PackHeader.sealOverhead else { throw json.failure("a blob's id, type and length before here") }
        self.init(key: BlobKey(kind: kind, id: id), offset: offset, length: length, plainLength: plainLength)
    }
}

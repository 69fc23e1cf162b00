import StorageKit
import Foundation

extension Node {
    /// Field order and presence follow restic's struct: a tree is named by the hash of this spelling.
    func write(to json: inout GoJSON) {
        json.object { json in
            json.key("name")
            json.string(GoQuote.quoted(name.bytes))
            json.key("type")
            json.string(type)
            json.member("mode", mode)
            json.key("mtime")
            json.string(modified.text)
            json.key("atime")
            json.string(accessed.text)
            json.key("ctime")
            json.string(changed.text)
            json.key("uid")
            json.number(userID)
            json.key("gid")
            json.number(groupID)
            json.member("user", user)
            json.member("group", group)
            json.member("inode", inode)
            json.member("device_id", deviceID)
            json.member("size", size)
            json.member("links", links)
            if !linkTarget.isEmpty {
                json.key("linktarget")
                json.string(linkTarget)
            }
            if hasRawLinkTarget { json.member("linktarget_raw", Data(linkTarget).base64EncodedString()) }
            writeAttributes(to: &json)
            json.member("device", device)
            json.key("content")
            if let content { json.array { json in for id in content { json.digest(id) } } } else { json.null() }
            if let subtree {
                json.key("subtree")
                json.digest(subtree)
            }
            json.member("error", error)
        }
    }

    private func writeAttributes(to json: inout GoJSON) {
        if !extendedAttributes.isEmpty {
            json.key("extended_attributes")
            json.array { json in
                for attribute in extendedAttributes {
                    json.object { json in
                        json.key("name")
                        json.string(attribute.name)
                        json.key("value")
                        json.string(Data(attribute.value).base64EncodedString())
                    }
                }
            }
        }
        if !genericAttributes.isEmpty {
            json.key("generic_attributes")
            json.raw(genericAttributes)
        }
    }

    init(_ json: inout JSONScanner) throws {
        self.init(name: "", type: "")
        var rawTarget: [UInt8]?
        try json.object { json, key in
            if json.null() { return }
            switch key {
            case "name":
                guard let name = GoQuote.unquoted(try json.stringBytes()) else { throw json.failure("a quoted name before here") }
                self.name = FileName(bytes: name)
            case "type": type = try json.string()
            case "mode": mode = try json.unsigned()
            case "mtime": modified = try json.time()
            case "atime": accessed = try json.time()
            case "ctime": changed = try json.time()
            case "uid": userID = try json.unsigned()
            case "gid": groupID = try json.unsigned()
            case "user": user = try json.string()
            case "group": group = try json.string()
            case "inode": inode = try json.unsigned()
            case "device_id": deviceID = try json.unsigned()
            case "size": size = try json.unsigned()
            case "links": links = try json.unsigned()
            case "linktarget": linkTarget = try json.stringBytes()
            case "linktarget_raw": rawTarget = try json.base64()
            case "extended_attributes":
                try json.array { json in
                    guard extendedAttributes.count < TreeLimits.attributes else {
                        throw json.failure("at most \(TreeLimits.attributes) attributes")
                    }
                    extendedAttributes.append(try ExtendedAttribute(&json))
                }
            case "generic_attributes": genericAttributes = try json.skip()
            case "device": device = try json.unsigned()
            case "content":
                var ids: [ObjectID] = []
                try json.array { ids.append(try $0.digest()) }
                content = ids
            case "subtree": subtree = try json.digest()
            case "error": error = try json.string()
            default: try json.skip()
            }
        }
        if let rawTarget { linkTarget = rawTarget }
    }
}

extension ExtendedAttribute {
    fileprivate init(_ json: inout JSONScanner) throws {
        self.init(name: "", value: [])
        try json.object { json, key in
            switch key {
            case "name": name = try json.string()
            case "value": value = json.null() ? [] : try json.base64()
            default: try json.skip()
            }
        }
    }
}

extension GoJSON {
    /// A member that is left out when zero.
    fileprivate mutating func member(_ name: StaticString, _ value: some BinaryInteger) {
        guard value != 0 else { return }
        key(name)
        number(value)
    }

    /// A member that is left out when empty.
    fileprivate mutating func member(_ name: StaticString, _ value: String) {
        guard !value.isEmpty else { return }
        key(name)
        string(value)
    }
}

extension JSONScanner {
    mutating func time() throws -> GoTime {
        guard let time = GoTime(try stringBytes()) else { throw failure("an RFC 3339 time before here") }
        return time
    }

    mutating func base64() throws -> [UInt8] {
        guard let data = Data(base64Encoded: try string()) else { throw failure("base64 before here") }
        return Array(data)
    }
}

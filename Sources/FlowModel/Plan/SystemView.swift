/// What of a system a copy is of: its files, the bytes of its disk, or all of its parts, each read as one or the other. A system may offer
/// several; which is meant is declared (`as:`) or the type's default.
public enum SystemView: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
    case tree, image, parts

    public static func < (left: SystemView, right: SystemView) -> Bool { left.rawValue < right.rawValue }

    /// With its article, for messages.
    public var words: String {
        switch self {
        case .tree: "a tree of files"
        case .image: "an image"
        case .parts: "several parts"
        }
    }
}

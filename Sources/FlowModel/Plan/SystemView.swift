/// What of a system a copy is of: its files, or the bytes of its disk. A system may offer both; which is meant is declared (`as:`) or the type's default.
public enum SystemView: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
    case tree, image

    public static func < (left: SystemView, right: SystemView) -> Bool { left.rawValue < right.rawValue }

    /// With its article, for messages.
    public var words: String {
        switch self {
        case .tree: "a tree of files"
        case .image: "an image"
        }
    }
}

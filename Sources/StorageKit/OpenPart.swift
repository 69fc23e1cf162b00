/// One of the parts that a system consists of, open to be read: a disk of a machine, the files that define it.
public struct OpenPart: Sendable {
    /// What it is read as.
    public enum Content: Sendable {
        case tree(any TreeReader)
        case image(any ImageReader)
    }

    /// Its name among the parts: the file or folder under which it is recorded.
    public var name: FileName
    public var content: Content

    public init(name: FileName, content: Content) {
        self.name = name
        self.content = content
    }
}

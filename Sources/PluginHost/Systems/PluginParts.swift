import Basics
import FlowModel
import StorageKit

/// The parts of a system that a plug-in reads, opened together.
final class PluginParts: Sendable {
    let open: [OpenPart]
    private let process: PluginProcess
    private let handle: JSONValue

    init(_ process: PluginProcess, _ arguments: JSONValue) throws(StorageError) {
        self.process = process
        let result = try process.call("parts.open", arguments).result
        guard let handle = result["handle"], let parts = result["parts"]?.arrayValue else {
            throw process.broken("a handle, and the parts that it is of", result.canonicalText)
        }
        var open: [OpenPart] = []
        for part in parts {
            guard let name = TreeMessage.bytes(part["name"]), TreeMessage.isPlain(name) else {
                throw process.broken("a part's plain name", part.canonicalText)
            }
            switch part["view"]?.stringValue.flatMap(SystemView.init(rawValue:)) {
            case .image: open.append(OpenPart(name: FileName(bytes: name), content: .image(try PluginImage(process, opened: part))))
            case .tree: open.append(OpenPart(name: FileName(bytes: name), content: .tree(try PluginTree(process, opened: part))))
            case .parts, nil: throw process.broken("a part's view, tree or image", part.canonicalText)
            }
        }
        (self.handle, self.open) = (handle, open)
    }

    /// What was read is read: how the closing went interests nobody.
    func close(failed: Bool) { _ = try? process.call("parts.close", process.closing(handle, failed: failed)) }
}

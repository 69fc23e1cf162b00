import Basics
public import FlowModel

/// A secret's value. Printing, interpolating or dumping it shows `<redacted>`.
public struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let bytes: [UInt8]
    public init(bytes: [UInt8]) { self.bytes = bytes }
    public var description: String { "<redacted>" }
    public var debugDescription: String { "<redacted>" }
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// The one door to the value.
    public func reveal() -> [UInt8] { bytes }
    /// The value as UTF-8 text; bytes that are none become U+FFFD.
    public func revealText() -> String { String(decoding: bytes, as: UTF8.self) }
}

/// Resolves references at the moment of use, in the worker.
public protocol SecretResolver: Sendable {
    /// Why `resolve` would find no value; nil when it would: a worker claims only steps whose secrets it has.
    func problem(with reference: SecretReference) -> StepError?
    /// The value. A trailing newline of a file is not part of it. Never empty. Throws `.secretMissing`.
    func resolve(_ reference: SecretReference) throws(StepError) -> Secret
}

extension SecretResolver {
    /// Whether `resolve` would find a value now.
    public func canResolve(_ reference: SecretReference) -> Bool { problem(with: reference) == nil }
}

/// A value with a secret somewhere in it. Printed, interpolated, reflected or dumped, alone or within another value, it shows `shown` and
/// nothing else: it may get into a log, an error or a debugger's window by accident.
public protocol SecretHolding: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// What may be seen of it: an address, a name.
    var shown: String { get }
}

extension SecretHolding {
    public var description: String { shown }
    public var debugDescription: String { shown }
    public var customMirror: Mirror { Mirror(self, children: ["shown": shown]) }
}

import CephLibraries
import StepKit

/// The callback of librbd's long calls, which it makes on threads of its own; it calls whatever it is given, a null pointer too.
final class RBDProgress {
    typealias Callback = @convention(c) (UInt64, UInt64, UnsafeMutableRawPointer?) -> Int32
    private let working: StillWorking?
    private init(_ working: StillWorking?) { self.working = working }

    /// Makes a call whose every step of progress says that it is still at work.
    static func reporting(_ call: (Callback, UnsafeMutableRawPointer) -> Int32) -> Int32 {
        let progress = RBDProgress(StillWorking.current)
        return withExtendedLifetime(progress) {
            call(
                { _, _, context in
                    if let context { Unmanaged<RBDProgress>.fromOpaque(context).takeUnretainedValue().working?.say() }
                    return 0
                }, Unmanaged.passUnretained(progress).toOpaque())
        }
    }
}

import FlowModel
import Basics
import Repository
import StepKit

/// When the copies of each origin were read whole last, as the proofs say it. A pure value.
///
/// A system's name alone says little: another pipeline may have one of that name, or the same pipeline on another host.
struct FullReadings: Sendable {
    /// Milliseconds since the epoch.
    private var latest: [SnapshotOrigin: Int64] = [:]
    private let now: Int64

    /// `snapshots` are those of the repository; of one that is gone its proof says whose it was. A proof that does not, as those of earlier versions,
    /// is none, and neither is one of a time to come: a clock that was wrong must not stand for years of readings.
    init(_ proofs: [Proof], among snapshots: [Snapshot], now: Instant) {
        self.now = now.microseconds / 1000
        let origins = Dictionary(snapshots.map { ($0.id, SnapshotOrigin($0)) }) { first, _ in first }
        for proof in proofs where proof.isGood && proof.details["read"]?.stringValue == ReadDepth.all.description {
            guard let at = proof.details["at"]?.intValue, at <= self.now,
                let origin = origins[proof.snapshotID] ?? SnapshotOrigin(proof: proof.details)
            else { continue }
            latest[origin] = max(latest[origin] ?? at, at)
        }
    }

    func wasRead(_ origin: SnapshotOrigin, within span: TimeSpan) -> Bool { latest[origin].map { $0 > now - span.milliseconds } ?? false }
}

extension SnapshotOrigin {
    /// What a proof says of the origin of the snapshot that it is of.
    var proofDetails: [String: JSONValue] {
        [
            "system": .string(system ?? ""), "pipeline": pipeline.map { .string($0) } ?? .null, "host": .string(host),
            "view": view.map { .string($0.rawValue) } ?? .null,
            "paths": .array(paths.map { .string($0) }),
        ]
    }

    fileprivate init?(proof details: JSONValue) {
        guard let host = details["host"]?.stringValue, let system = details["system"]?.stringValue, details["pipeline"] != nil else {
            return nil
        }
        self.init(pipeline: "", system: system, host: host)
        pipeline = details["pipeline"]?.stringValue
        view = details["view"]?.stringValue.flatMap(SystemView.init(rawValue:))
        if system.isEmpty {
            self.system = nil
            paths = (details["paths"]?.arrayValue ?? []).compactMap(\.stringValue)
        }
    }
}

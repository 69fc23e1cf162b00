import Basics
public import StepKit
public import StorageKit

/// Whether instances have a protocol, as a type: so that what is asked of an instance (`as? any TreeSource`) is what its type declares, for
/// any of the eight thousand kinds of plug-ins that there may be.
public protocol PluginAbility: Sendable {}
/// They have it.
public enum Able: PluginAbility {}
/// They don't.
public enum Unable: PluginAbility {}

/// A system in a process of its own. It has the protocols that its type declares, and no others.
public struct PluginInstance<
    Quiesces: PluginAbility, Snapshots: PluginAbility, Groups: PluginAbility, ReadsTrees: PluginAbility, WritesTrees: PluginAbility,
    ReadsImages: PluginAbility, WritesImages: PluginAbility, Attaches: PluginAbility, Verifies: PluginAbility, Completes: PluginAbility,
    Discovers: PluginAbility, Inventories: PluginAbility, ReadsParts: PluginAbility
>: PluginSystem {
    public let plugin: PluginLine
    public let logicalPath: TreePath

    public init(_ plugin: PluginLine, logicalPath: TreePath) { (self.plugin, self.logicalPath) = (plugin, logicalPath) }
}

extension PluginInstance: Quiescing where Quiesces == Able {}
extension PluginInstance: TreeCompleting where Quiesces == Able, Completes == Able {}
extension PluginInstance: Snapshotting where Snapshots == Able {}
extension PluginInstance: GroupSnapshotting where Snapshots == Able, Groups == Able {}
extension PluginInstance: TreeSource where ReadsTrees == Able {}
extension PluginInstance: TreeDestination where WritesTrees == Able {}
extension PluginInstance: TellingDestination where WritesTrees == Able {}
extension PluginInstance: ImageSource where ReadsImages == Able {}
extension PluginInstance: ImageDestination where WritesImages == Able {}
extension PluginInstance: Attaching where Attaches == Able {}
extension PluginInstance: Verifying where Verifies == Able {}
extension PluginInstance: Discovering where Discovers == Able {}
extension PluginInstance: Inventorying where Inventories == Able {}
extension PluginInstance: PartSource where ReadsParts == Able {}

/// The type of instances that can do so much.
enum PluginKind {
    /// `inGroups`: several in one instant.
    static func type(for capabilities: Set<Capability>, inGroups: Bool) -> any PluginSystem.Type {
        func able(_ isAble: Bool) -> any PluginAbility.Type { if isAble { Able.self } else { Unable.self } }
        func can(_ capability: Capability) -> any PluginAbility.Type { able(capabilities.contains(capability)) }
        return instance(
            can(.quiescing), can(.snapshotting), able(inGroups), can(.treeSource), can(.treeDestination), can(.imageSource),
            can(.imageDestination), can(.attaching), can(.verifying), can(.completing), can(.discovering),
            can(.inventorying), can(.partSource))
    }

    private static func instance<
        Quiesces: PluginAbility, Snapshots: PluginAbility, Groups: PluginAbility, ReadsTrees: PluginAbility, WritesTrees: PluginAbility,
        ReadsImages: PluginAbility, WritesImages: PluginAbility, Attaches: PluginAbility, Verifies: PluginAbility,
        Completes: PluginAbility, Discovers: PluginAbility, Inventories: PluginAbility, ReadsParts: PluginAbility
    >(
        _: Quiesces.Type, _: Snapshots.Type, _: Groups.Type, _: ReadsTrees.Type, _: WritesTrees.Type, _: ReadsImages.Type,
        _: WritesImages.Type, _: Attaches.Type, _: Verifies.Type, _: Completes.Type, _: Discovers.Type,
        _: Inventories.Type, _: ReadsParts.Type
    ) -> any PluginSystem.Type {
        PluginInstance<
            Quiesces, Snapshots, Groups, ReadsTrees, WritesTrees, ReadsImages, WritesImages, Attaches, Verifies, Completes, Discovers,
            Inventories, ReadsParts
        >.self
    }
}

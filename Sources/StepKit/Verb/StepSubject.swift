/// What a step acts on, as far as the document says it: for what a verb can judge before anything runs.
public struct StepSubject: Sendable {
    /// A system as it is declared. Settings that depend on parameters have their expressions still.
    public struct System: Sendable {
        /// The name under which the document declares it.
        public var name: String
        /// Its type in this catalog.
        public var type: any SystemType
        /// Its settings as declared.
        public var settings: Settings

        public init(name: String, type: any SystemType, settings: Settings) {
            self.name = name
            self.type = type
            self.settings = settings
        }
    }

    /// In the order written: the systems of a step that names systems; of one that names a copy step, those which that copies.
    public var systems: [System]
    /// Those that the step's settings name, by their names.
    public var named: [String: System]
    /// By the name of a system that is copied from a window's snapshot: the quiesced systems that complete the copy.
    public var completing: [String: [System]]

    public init(systems: [System] = [], named: [String: System] = [:], completing: [String: [System]] = [:]) {
        self.systems = systems
        self.named = named
        self.completing = completing
    }
}

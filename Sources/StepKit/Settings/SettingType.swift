/// The shape of a setting's value. One declaration serves decoding, diagnostics, `plugins show`, JSON Schema and docs.
public indirect enum SettingType: Sendable, Hashable {
    case string
    case boolean
    case integer(ClosedRange<Int64>)
    /// `30s`, `2h`, `7d`
    case timeSpan
    /// `64MiB`
    case byteCount
    /// `10%`
    case percentage
    /// An absolute path.
    case path
    /// A program and its arguments, not empty; never given to a shell.
    case argv
    /// `{fromEnv: NAME}` or `{fromFile: PATH}`
    case secret
    case choice([String])
    case list(SettingType)
    /// Free keys, one type of value.
    case map(SettingType)
    case object(SettingsSchema)
    /// The name of a declared system that has one of the capabilities; of any system when there are none.
    case systemName([Capability])
    /// The name of a declared repository.
    case repositoryName
    /// The id of a step of this pipeline.
    case stepName
    /// The first that fits.
    case either([SettingType])
    /// Any JSON value.
    case any
}

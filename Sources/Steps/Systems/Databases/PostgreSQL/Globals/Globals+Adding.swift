import Basics

extension Globals {
    /// Takes in what a statement says. False when it is about something that was not made before, or says again what was said: the attributes of a
    /// role stand once.
    mutating func add(_ statement: GlobalsStatement) -> Bool {
        switch statement {
        case .role(let name):
            guard roleIndex[ExactText(name)] == nil else { return false }
            roleIndex[ExactText(name)] = roles.count
            roles.append(Role(name: name))
        case .options(let options):
            return onRole(options.name) { role in
                guard role.attributes.isEmpty else { return false }
                role.attributes = options.attributes
                role.connectionLimit = options.connectionLimit
                role.password = options.password
                role.validUntil = options.validUntil
                return true
            }
        case .roleComment(let name, let text):
            return onRole(name) {
                $0.comment = text
                return true
            }
        case .setting(let role, let setting):
            return onRole(role) {
                $0.settings.append(setting)
                return true
            }
        case .settingInDatabase(let text): settingsInDatabases.append(text)
        case .membership(let membership): memberships.append(membership)
        case .parameterGrant(let grant): parameterGrants.append(grant)
        case .label(let label): labels.append(label)
        case .tablespace(let tablespace):
            guard !tablespaces.contains(where: { $0.name.isExactly(tablespace.name) }) else { return false }
            tablespaces.append(tablespace)
        case .tablespaceOptions(let name, let options): return onTablespace(name) { $0.options += options }
        case .tablespaceGrant(let name, let grant): return onTablespace(name) { $0.grants.append(grant) }
        case .tablespaceComment(let name, let text): return onTablespace(name) { $0.comment = text }
        }
        return true
    }

    private mutating func onRole(_ name: String, _ change: (inout Role) -> Bool) -> Bool {
        guard let index = roleIndex[ExactText(name)] else { return false }
        return change(&roles[index])
    }

    private mutating func onTablespace(_ name: String, _ change: (inout Tablespace) -> Void) -> Bool {
        guard let index = tablespaces.lastIndex(where: { $0.name.isExactly(name) }) else { return false }
        change(&tablespaces[index])
        return true
    }
}

import Basics
import FlowModel
import StepKit

extension Machine {
    /// What types of the catalog lack here, a line each thing, with what to do: `the library librados.so.2, for ceph-rbd and rados: install it ...`.
    func missing(in catalog: Catalog) -> [String] {
        var users: [(need: MachineNeed, types: [String])] = []
        func add(_ needs: [MachineNeed], _ name: String) {
            for need in needs {
                if let index = users.firstIndex(where: { $0.need == need }) { users[index].types.append(name) } else { users.append((need, [name])) }
            }
        }
        for type in catalog.systems { add(lacks(type), type.name) }
        for type in catalog.repositories { add(lacks(type), type.name) }
        return users.map { need, types in
            let uses = need.capabilities.map { " (\($0.sorted().map(\.rawValue).joined(separator: ", ")))" } ?? ""
            return "\(need.words), for \(types.joined(separator: ", "))\(uses): \(need.remedy)"
        }
    }

    /// What a type needs, and whether it is here.
    func json(of type: some MachineUsing) -> JSONValue {
        .array(
            type.needs.map { need in
                let isThere = has(need)
                var members: [String: JSONValue] = [
                    "kind": .string(need.kindName), "name": .string(need.name), "isThere": .bool(isThere),
                ]
                members["package"] = need.package.map { .string($0) }
                members["for"] = need.capabilities.map { .array($0.sorted().map { .string($0.rawValue) }) }
                if !isThere { members["remedy"] = .string(need.remedy) }
                return .object(members)
            })
    }
}

extension Isolation {
    /// `{"in": "child", "because": "native-library"}`
    var json: JSONValue {
        guard let reason else { return ["in": "worker"] }
        return ["in": "child", "because": .string(reason.rawValue)]
    }
}

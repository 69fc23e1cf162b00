import Basics

/// Steps by index and what each waits for.
struct StepGraph {
    let needs: [[Int]]
    let users: [[Int]]

    init(_ drafts: [Draft]) {
        let needs = drafts.map { $0.needs.keys.sorted() }
        var users = [[Int]](repeating: [], count: drafts.count)
        for (index, list) in needs.enumerated() { for need in list { users[need].append(index) } }
        self.needs = needs
        self.users = users
    }

    /// Everything that goes before it.
    func ancestors(of index: Int) -> Set<Int> { reach(from: index, over: needs) { _ in true } }
    /// Everything that comes after it.
    func descendants(of index: Int) -> Set<Int> { reach(from: index, over: users) { _ in true } }
    /// What comes after it through steps that satisfy `isOpen` alone, those included.
    func descendants(of index: Int, through isOpen: (Int) -> Bool) -> Set<Int> { reach(from: index, over: users, isOpen) }
    func ancestors(of index: Int, through isOpen: (Int) -> Bool) -> Set<Int> { reach(from: index, over: needs, isOpen) }

    private func reach(from start: Int, over edges: [[Int]], _ isOpen: (Int) -> Bool) -> Set<Int> {
        var found: Set<Int> = []
        var open = [start]
        while let next = open.popLast() {
            for index in edges[next] where isOpen(index) && found.insert(index).inserted { open.append(index) }
        }
        return found
    }

    /// One cycle, each waiting for the next, or nil.
    func cycle() -> [Int]? {
        enum Colour { case new, open, done }
        var colours = [Colour](repeating: .new, count: needs.count)
        for start in needs.indices where colours[start] == .new {
            var path: [(index: Int, next: Int)] = [(start, 0)]
            colours[start] = .open
            while let top = path.last {
                guard top.next < needs[top.index].count else {
                    colours[top.index] = .done
                    path.removeLast()
                    continue
                }
                path[path.count - 1].next += 1
                let need = needs[top.index][top.next]
                switch colours[need] {
                case .done: break
                case .new:
                    colours[need] = .open
                    path.append((need, 0))
                case .open:
                    let from = path.firstIndex { $0.index == need } ?? 0
                    return path[from...].map(\.index)
                }
            }
        }
        return nil
    }

    /// Each after all that it needs: what `goesFirst` says as early as it can, else as written. The graph has no cycle.
    func order(goesFirst: (Int) -> Bool) -> [Int] {
        var missing = needs.map(\.count)
        var ready = Set(needs.indices.filter { missing[$0] == 0 })
        var order: [Int] = []
        while let next = ready.min(by: { (goesFirst($0) ? 0 : 1, $0) < (goesFirst($1) ? 0 : 1, $1) }) {
            ready.remove(next)
            order.append(next)
            for user in users[next] {
                missing[user] -= 1
                if missing[user] == 0 { ready.insert(user) }
            }
        }
        return order
    }
}

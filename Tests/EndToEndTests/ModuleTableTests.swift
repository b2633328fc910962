import Foundation
import Testing

/// The table of modules in CONTRIBUTING.md agrees with Package.swift.
@Suite struct ModuleTableTests {
    private static func text(_ path: String) throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    /// Returns the targets of Package.swift that are not tests, and the targets that each depends on.
    private static func targets() throws -> [String: Set<String>] {
        let package = try text("Package.swift").replacing(/\.product\([^)]*\)/, with: "")
        let starts = package.ranges(of: /\n +\.(target|executableTarget|testTarget|systemLibrary)\(/)
        var targets: [String: Set<String>] = [:]
        for (index, start) in starts.enumerated() where !package[start].contains("testTarget") {
            let end = index + 1 < starts.count ? starts[index + 1].lowerBound : package.endIndex
            let part = package[start.upperBound..<end]
            guard let name = part.firstMatch(of: /name: "([^"]+)"/)?.1 else { continue }
            let list = part.firstMatch(of: /dependencies: \[([^\]]*)\]/)?.1 ?? ""
            if package[start].contains("systemLibrary") || part.contains("path: \"") { continue }
            targets[String(name)] = Set(list.matches(of: /"([^"]+)"/).map { String($0.1) })
        }
        return targets
    }

    @Test("The table of modules agrees with Package.swift") func theTableIsThatOfThePackage() throws {
        let rows = try Self.text("CONTRIBUTING.md").matches(of: /\n\| `([\w-]+)` \| [^|]* \| ([^|]*) \|/)
        var table: [String: Set<String>] = [:]
        for row in rows {
            let names = row.2.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            table[String(row.1)] = Set(names.filter { $0 != "–" })
        }
        let targets = try Self.targets()
        #expect(targets.count > 20)
        for (name, imports) in targets {
            #expect(
                table[name] == imports,
                "CONTRIBUTING.md, \(name): \(imports.sorted().joined(separator: ", "))")
        }
    }
}

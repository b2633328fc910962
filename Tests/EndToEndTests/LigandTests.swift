import Atomistics
import Foundation
import SystemPackage
import Testing

/// The default model relaxes each kind of ligand and leaves every bond between its atoms as it was.
@Suite struct LigandTests {
    /// Molecules of the training data, by file and `config_type`: the first frame of each.
    static let molecules: [String: [String]] = [
        "fragments": [
            "ethyl3", "tbutyl3", "butyl3", "phenyl3", "pmba3", "pet3", "pmes", "pmecl", "pmecch", "cys",
            "ag4",
            "cu4", "etssme",
        ],
        "kinds": ["ring4-sh", "ring3-amine", "ring3-cys", "ring4-Au2Ag2-me", "pme-br", "pmephcc", "ph3p-s"],
        "unseen": ["isopropyl3", "ring3-tbbt", "ring4-OH", "ring3-mpa", "ring3-amide", "pet3-s"],
    ]

    @Test(.enabled(if: Available.slow), arguments: molecules.keys.sorted())
    func everyBondOfALigandOutlivesTheRelaxation(file: String) async throws {
        let path = Program.project.appending("models/data/\(file)-pbe-lcao.extxyz").string
        let names = try String(contentsOfFile: path, encoding: .utf8)
            .matches(of: /config_type=(\S+)/).map { String($0.1) }
        let frames = try ExtXYZ.read(path: path)
        #expect(names.count == frames.count)
        for name in Self.molecules[file] ?? [] {
            let start = frames[try #require(names.firstIndex(of: name), "\(name)")]
            let spool = try Spool()
            let (raw, relaxed) = (
                spool.path.appending("raw.extxyz").string, spool.path.appending("relaxed.extxyz").string
            )
            let bare = Atoms(elements: start.elements, positions: start.positions)
            try Data(ExtXYZ.bytes(of: [bare])).write(to: URL(fileURLWithPath: raw))
            let result = try await Program.run(["relax", raw, "-o", relaxed, "--fmax", "0.2"])
            #expect(result.status == 0, "\(name): \(result.output) \(result.errors)")
            let end = try #require(try ExtXYZ.read(path: relaxed).last)
            #expect(try bonds(end) == bonds(start), "\(name)")
            #expect(try !bonds(start).isEmpty)
        }
    }

    /// Pairs of atoms that are no metals and closer than 1.25 times the sum of their covalent radii.
    private func bonds(_ atoms: Atoms) throws -> Set<[Int]> {
        let metals = Set(["Au", "Ag", "Cu", "Pd", "Pt"])
        var found: Set<[Int]> = []
        for i in 0..<atoms.count where !metals.contains(atoms.elements[i].symbol) {
            for j in 0..<i where !metals.contains(atoms.elements[j].symbol) {
                let radii =
                    try #require(atoms.elements[i].covalentRadius)
                    + #require(atoms.elements[j].covalentRadius)
                if (atoms.positions[i] - atoms.positions[j]).length < 1.25 * radii { found.insert([j, i]) }
            }
        }
        return found
    }
}

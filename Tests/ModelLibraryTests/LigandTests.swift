import Atomistics
import Foundation
import ModelLibrary
import OrderedCollections
import Relaxation
import Testing

/// The model gold-ligands relaxes each kind of ligand without breaking or forming a bond between atoms of the ligand.
@Suite struct LigandTests {
    /// Molecules in the project's data, by the name of the file and `config_type`. The model was trained on at most one
    /// frame of each molecule under `unseen`.
    static let molecules: [String: [String]] = [
        "fragments": [
            "ethyl3", "tbutyl3", "butyl3", "phenyl3", "pmba3", "pet3", "pmes", "pmecl", "pmecch", "cys",
            "ag4", "cu4", "etssme",
        ],
        "kinds": ["ring4-sh", "ring3-amine", "ring3-cys", "ring4-Au2Ag2-me", "pme-br", "pmephcc", "ph3p-s"],
        "unseen": ["isopropyl3", "ring3-tbbt", "ring4-OH", "ring3-mpa", "ring3-amide", "pet3-s"],
    ]
    private static let shipped = "\(ScratchLibrary.models)/gold-ligands/gold-ligands.aurelax-model"

    @Test(
        "No bond of a ligand changes in a relaxation",
        .enabled(if: FileManager.default.fileExists(atPath: shipped)),
        arguments: molecules.keys.sorted())
    func everyBondOfALigandOutlivesTheRelaxation(file: String) throws {
        let model = try ModelLibrary(searchPath: []).load(Self.shipped)
        let frames = try ExtXYZ.read(path: "\(ScratchLibrary.models)/data/\(file)-pbe-lcao.extxyz")
        for name in Self.molecules[file] ?? [] {
            // The last frame has the highest temperature.
            let start = try #require(frames.last { $0.info["config_type"] == .string(name) }, "\(name)")
            var settings = RelaxationSettings()
            (settings.fmax, settings.maxSteps) = (0.2, 300)
            var relaxer = Relaxer(
                Atoms(elements: start.elements, positions: start.positions), forceField: model,
                settings: settings)
            while relaxer.status == .running { try relaxer.advance() }
            #expect(relaxer.status == .converged, "\(name): \(relaxer.status)")
            let end = try #require(relaxer.kept)
            #expect(try bonds(end.atoms) == bonds(start), "\(name)")
            #expect(try !bonds(start).isEmpty)
        }
    }

    /// Returns the pairs of non-metal atoms that are closer than 1.25 times the sum of their covalent radii.
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

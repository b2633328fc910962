import Atomistics
import Foundation
import ModelLibrary
import Testing

/// Checks whether gold-ligands knows structures of several kinds; docs/structures.md has a table of them.
@Suite struct UnknownKindTests {
    private static let shipped = "\(ScratchLibrary.models)/gold-ligands/gold-ligands.aurelax-model"
    private static let isTrained = FileManager.default.fileExists(atPath: shipped)

    private func check(_ atoms: Atoms) throws -> DomainCheck {
        try DomainCheck(ModelLibrary(searchPath: []).load(Self.shipped), atoms)
    }

    /// Reads a molecule from the atom lines of plain XYZ, without the line that counts the atoms.
    private func molecule(_ lines: String) throws -> Atoms {
        let count = lines.split(separator: "\n").count
        return try #require(ExtXYZ.frames(in: Array("\(count)\n\n\(lines)\n".utf8), label: "test").last)
    }

    /// Returns an icosahedron with a shortest distance of 2.8 Å. No training frame consists of thirteen gold atoms.
    private func icosahedron(_ element: Element) -> Atoms {
        let golden = (1 + 5.0.squareRoot()) / 2
        let corners = [-1.0, 1].flatMap { a in
            [-golden, golden].flatMap { b in [SIMD3(0, a, b), SIMD3(a, b, 0), SIMD3(b, 0, a)] }
        }
        // The corners are 1.902 from the centre, and neighbouring corners 2 from each other.
        return Atoms(
            elements: [Element](repeating: element, count: 13),
            positions: [.zero] + corners.map { 1.472 * $0 })
    }

    @Test(
        "Gold of another size and an alcohol are known, and their expected errors are correct",
        .enabled(if: isTrained))
    func knownKinds() throws {
        let gold = try check(icosahedron(#require(Element(symbol: "Au"))))
        #expect(gold.problem == nil)
        // The true mean error, compared with labels, is 0.24 eV/Å.
        let expected = try #require(gold.expected)
        #expect(expected.mean > 0.2 && expected.mean < 0.5)

        let ethanol = try molecule(
            """
            C 1.168 -0.398 0
            C 0 0.559 0
            O -1.191 -0.215 0
            H -1.946 0.381 0
            H 0.043 1.208 0.886
            H 0.043 1.208 -0.886
            H 2.116 0.144 0
            H 1.129 -1.038 0.885
            H 1.129 -1.038 -0.885
            """)
        #expect(try check(ethanol).problem == nil)
    }

    @Test(
        "A molecule is refused for its expected errors even if few atoms are out of domain",
        .enabled(if: isTrained))
    func largeExpectedErrors() throws {
        let acetonitrile = try molecule(
            """
            C 0 0 -1.186
            C 0 0 0.274
            N 0 0 1.452
            H 0 1.025 -1.562
            H 0.888 -0.512 -1.562
            H -0.888 -0.512 -1.562
            """)
        let check = try check(acetonitrile)
        #expect(check.share < DomainCheck.refusedShare && check.isRefused)
        #expect(try #require(check.problem).contains("errors of its forces are expected to be"))
    }

    @Test(
        "An element with few held-out atoms has no smaller expected errors than the other elements",
        .enabled(if: isTrained))
    func rareElements() throws {
        let palladium = try check(icosahedron(#require(Element(symbol: "Pd"))))
        #expect(palladium.isRefused && palladium.share == 1)
        #expect(try #require(palladium.expected).mean > 1)
    }

    /// Returns a gold surface with a quarter of a layer of methylthiolate.
    private func slab() throws -> Atoms {
        let frames = try ExtXYZ.read(path: "\(ScratchLibrary.models)/data/slabs-pbe-lcao.extxyz")
        let frame = try #require(frames.first)
        return Atoms(
            elements: frame.elements, positions: frame.positions, cell: frame.cell,
            periodicity: frame.periodicity)
    }

    @Test(
        "Slabs of gold are accepted; slabs of silver, or with four times the ligands, are refused",
        .enabled(if: isTrained))
    func slabs() throws {
        let known = try slab()
        let gold = try #require(Element(symbol: "Au"))
        #expect(try !check(known).isRefused)

        let metal = known.elements.indices.filter { known.elements[$0] == gold }
        let bare = Atoms(
            elements: metal.map { _ in gold }, positions: metal.map { known.positions[$0] },
            cell: known.cell, periodicity: known.periodicity)
        #expect(try check(bare).problem == nil)

        let silver = try #require(Element(symbol: "Ag"))
        let onSilver = Atoms(
            elements: known.elements.map { $0 == gold ? silver : $0 }, positions: known.positions,
            cell: known.cell, periodicity: known.periodicity)
        #expect(try check(onSilver).isRefused)

        let cell = try #require(known.cell)
        let ligand = known.elements.indices.filter { known.elements[$0] != gold }
        var full = (known.elements, known.positions)
        for shift in [0.5 * cell.a, 0.5 * cell.b, 0.5 * (cell.a + cell.b)] {
            full.0 += ligand.map { known.elements[$0] }
            full.1 += ligand.map { known.positions[$0] + shift }
        }
        let covered = Atoms(
            elements: full.0, positions: full.1, cell: known.cell, periodicity: known.periodicity)
        #expect(try check(covered).isRefused)
    }
}

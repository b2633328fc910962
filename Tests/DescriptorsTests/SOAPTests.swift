import Atomistics
import Descriptors
import Foundation
import LinearAlgebra
import Testing

@Suite struct SOAPTests {
    /// DScribe's own basis of ten functions is accurate to only seven digits (Golden/generate.py
    /// has the same case with an exact basis), which limits the agreement.
    @Test("The descriptor agrees with DScribe", arguments: try GoldenSOAP.load())
    func agreesWithDScribe(_ golden: GoldenSOAP) throws {
        let soap = try golden.soap()
        #expect(soap.featureCount == golden.featureCount)
        let rows =
            try golden.points.map { try soap.compute(golden.atoms, points: $0.map(vector)) }
            ?? soap.compute(golden.atoms)
        #expect(rows.rows == golden.norms.count)
        let scale = max(1, golden.norms.max() ?? 1)
        let tolerance = golden.name == "fragment-large" ? 2e-7 : golden.nMax > 7 ? 1e-9 : 1e-10 * scale
        var worst = 0.0
        for i in 0..<rows.rows {
            let row = Array(rows.row(i))
            worst = max(worst, abs(sqrt(row.reduce(0) { $0 + $1 * $1 }) - golden.norms[i]))
            let wave = row.enumerated().reduce(0) { $0 + $1.element * sin(Double($1.offset + 1)) }
            worst = max(worst, abs(wave - golden.waves[i]))
            for (k, entry) in golden.entries[i].enumerated() {
                worst = max(worst, abs(row[23 * k] - entry))
            }
        }
        #expect(worst < tolerance)
    }

    @Test("Published values of the fragment are reproduced") func publishedValues() throws {
        let golden = try GoldenSOAP.named("fragment")
        let rows = try golden.soap().compute(golden.atoms)
        let known: [(Int, Int, Double)] = [
            (0, 1890, 0.416115508065), (0, 1000, 4.148355004957e-4), (0, 1200, -2.286555869043e-4),
            (0, 1645, 5.582829130159e-4), (0, 700, 0), (1, 1505, 0.416139584033),
            (1, 1889, 1.033177602651e-5), (1, 413, -0.1137218915023), (3, 875, 0.416115508065),
            (5, 0, 0.412461728724), (5, 385, 2.616333147882e-4), (5, 1259, -1.960832541318e-3),
            (5, 1500, 5.820356291155e-6),
        ]
        for (row, feature, value) in known { #expect(abs(rows[row, feature] - value) < 1e-10) }
        #expect(abs(rows.storage.reduce(0, +) - 43.18733113029) < 1e-8)
    }

    @Test("An atom and a point at its position have the same descriptor") func centreAtAtom() throws {
        let golden = try GoldenSOAP.named("ring")
        let (soap, atoms) = (try golden.soap(), golden.atoms)
        let all = try soap.compute(atoms)
        #expect(try soap.compute(atoms, centers: [7, 3]) == all.selectingRows([7, 3]))
        #expect(
            try soap.compute(atoms, points: [atoms.positions[5]]) == all.selectingRows([5]))
    }

    @Test("The descriptor is invariant under rotation, reflection, translation and permutation")
    func invariance() throws {
        let golden = try GoldenSOAP.named("ring")
        let (soap, atoms) = (try golden.soap(), golden.atoms)
        let reference = try soap.compute(atoms)
        var moved = atoms
        let (c, s) = (cos(0.7), sin(0.7))
        moved.positions = atoms.positions.map { p in
            let turned = SIMD3(c * p.x - s * p.z, -p.y, s * p.x + c * p.z)  // rotation with a reflection
            return SIMD3(turned.y, turned.z, turned.x) + [3, -8, 0.5]
        }
        let order = Array((0..<atoms.count).reversed())
        let permuted = Atoms(
            elements: order.map { moved.elements[$0] }, positions: order.map { moved.positions[$0] })
        let rows = try soap.compute(permuted)
        for (i, j) in order.enumerated() {
            for f in 0..<soap.featureCount { #expect(abs(rows[i, f] - reference[j, f]) < 1e-10) }
        }
    }

    @Test("The smooth cutoff is continuous where the hard one is not") func smoothCutoff() throws {
        func jump(_ cutoff: SOAPCutoff) throws -> Double {
            let soap = try SOAP(
                species: [.gold, .hydrogen], rCut: 4, nMax: 5, lMax: 3, sigma: 0.25, cutoff: cutoff)
            func row(_ distance: Double) throws -> [Double] {
                try soap.compute(
                    Atoms(elements: [.hydrogen, .gold], positions: [.zero, [distance, 0, 0]]),
                    centers: [0]
                ).storage
            }
            let (inside, outside) = (try row(soap.edge - 1e-7), try row(soap.edge + 1e-7))
            return sqrt(zip(inside, outside).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) })
        }
        #expect(try jump(.hard) > 1e-4)
        #expect(try jump(.smooth(width: 0.5)) < 1e-10)
    }

    @Test("Unsupported structures and settings are refused") func refusals() throws {
        let soap = try SOAP(species: [.gold], rCut: 4, nMax: 3, lMax: 2, sigma: 0.5, periodic: true)
        #expect(throws: DescriptorError.unknownElements([.carbon], known: [.gold])) {
            try soap.compute(Atoms(elements: [.gold, .carbon], positions: [.zero, [2, 0, 0]]))
        }
        #expect(throws: DescriptorError.notFinite(index: 1)) {
            try soap.compute(Atoms(elements: [.gold, .gold], positions: [.zero, [.nan, 0, 0]]))
        }
        #expect(throws: DescriptorError.noSuchAtom(1, count: 1)) {
            try soap.compute(Atoms(elements: [.gold], positions: [.zero]), centers: [1])
        }
        #expect(throws: DescriptorError.flatCell) {
            try soap.compute(
                Atoms(
                    elements: [.gold], positions: [.zero],
                    cell: Cell([1, 0, 0], [2, 0, 0], [0, 0, 1]), periodicity: .all))
        }
        #expect(throws: DescriptorError.self) {
            try SOAP(species: [.gold], rCut: 1, nMax: 3, lMax: 2, sigma: 0.5)
        }
    }
}

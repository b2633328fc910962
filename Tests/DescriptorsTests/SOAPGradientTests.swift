import Atomistics
import Descriptors
import Foundation
import LinearAlgebra
import Testing

@Suite struct SOAPGradientTests {
    /// Returns weights for the features f of the centres i: W_if = sin(f + 1) (1 + 0.1 i).
    static func waves(_ soap: SOAP, _ count: Int) -> Matrix {
        var weights = Matrix(rows: count, columns: soap.featureCount)
        for i in 0..<count {
            for f in 0..<soap.featureCount {
                weights[i, f] = sin(Double(f + 1)) * (1 + 0.1 * Double(i))
            }
        }
        return weights
    }

    static func waveSum(_ soap: SOAP, _ atoms: Atoms) throws -> Double {
        let (p, w) = (try soap.compute(atoms), waves(soap, atoms.count))
        return zip(p.storage, w.storage).reduce(0) { $0 + $1.0 * $1.1 }
    }

    @Test("The Jacobian agrees with DScribe", arguments: try GoldenSOAP.load().filter { $0.gradient != nil })
    func agreesWithDScribe(_ golden: GoldenSOAP) throws {
        let soap = try golden.soap()
        let expected = try #require(golden.gradient)
        let gradient = try SOAPEnvironments(soap, golden.atoms)
            .gradient(Self.waves(soap, golden.atoms.count))
        let scale = max(1, expected.flatMap { $0 }.map(abs).max() ?? 1)
        for (ours, theirs) in zip(gradient, expected) {
            #expect((ours - vector(theirs)).length < 1e-8 * scale)
        }
    }

    @Test(
        "The gradient is the derivative of the descriptor",
        arguments: ["fragment", "ring", "periodic-skewed"])
    func isTheDerivative(_ name: String) throws {
        let golden = try GoldenSOAP.named(name)
        let soap = try golden.soap(cutoff: .smooth(width: 2.5))
        let atoms = golden.atoms
        let gradient = try SOAPEnvironments(soap, atoms).gradient(Self.waves(soap, atoms.count))
        let scale = gradient.map(\.length).max() ?? 1
        for atom in 0..<min(3, atoms.count) {
            for axis in 0..<3 {
                let step = 1e-4
                func shifted(_ by: Double) throws -> Double {
                    var moved = atoms
                    moved.positions[atom][axis] += by
                    return try Self.waveSum(soap, moved)
                }
                // Fourth-order central difference.
                let difference =
                    (8 * (try shifted(step) - shifted(-step)) - (try shifted(2 * step) - shifted(-2 * step)))
                    / (12 * step)
                #expect(abs(difference - gradient[atom][axis]) < 1e-8 * max(1, scale))
            }
        }
    }

    /// Strains the atoms together with the cell, by each component of the strain in turn.
    @Test("The strain derivative agrees with differences", arguments: ["fragment", "periodic-skewed"])
    func strainDerivativeIsTheDerivative(_ name: String) throws {
        let golden = try GoldenSOAP.named(name)
        let soap = try golden.soap(cutoff: .smooth(width: 2.5))
        let atoms = golden.atoms
        let strain = try SOAPEnvironments(soap, atoms).derivatives(Self.waves(soap, atoms.count)).strain
        let scale = max(1, strain.map(\.length).max() ?? 1)
        for a in 0..<3 {
            for b in 0..<3 {
                func strained(_ by: Double) throws -> Double {
                    func apply(_ r: SIMD3<Double>) -> SIMD3<Double> {
                        var moved = r
                        moved[a] += by * r[b]
                        return moved
                    }
                    var moved = atoms
                    moved.positions = atoms.positions.map(apply)
                    moved.cell = atoms.cell.map { Cell(apply($0.a), apply($0.b), apply($0.c)) }
                    return try Self.waveSum(soap, moved)
                }
                let step = 2e-5
                let difference =
                    (8 * (try strained(step) - strained(-step))
                        - (try strained(2 * step) - strained(-2 * step))) / (12 * step)
                #expect(abs(difference - strain[a][b]) < 1e-8 * scale)
                #expect(abs(strain[a][b] - strain[b][a]) < 1e-10 * scale)
            }
        }
    }

    @Test("The Jacobian gives the same gradient") func jacobian() throws {
        let golden = try GoldenSOAP.named("ring")
        let (soap, atoms) = (try golden.soap(cutoff: .smooth(width: 1)), golden.atoms)
        let environments = try SOAPEnvironments(soap, atoms, centers: [4])
        // With these weights the gradient is that of the first feature, Σ_m c c for the first species with l = 0 and n
        // = 0.
        var weights = Matrix(rows: 1, columns: soap.featureCount)
        weights[0, 0] = 1
        let expected = environments.gradient(weights)
        let c = environments.coefficients(of: 0)[0]
        var collected = [SIMD3<Double>](repeating: .zero, count: atoms.count)
        for block in environments.jacobian(of: 0).blocks where block.species == 0 {
            for (i, neighbor) in block.neighbors.enumerated() {
                for axis in 0..<3 {
                    let value = 2 * c * block.derivatives[3 * i + axis, 0]
                    collected[neighbor][axis] += value
                    collected[4][axis] -= value
                }
            }
        }
        for (ours, theirs) in zip(collected, expected) { #expect((ours - theirs).length < 1e-12) }
    }
}

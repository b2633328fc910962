public import Atomistics
import LinearAlgebra

/// The energy to which the learnt correction is added.
public enum Base: Sendable {
    /// A force field with energies.
    case forceField(any ForceField)
    /// No force field, but ½ (x − x₀)ᵀ H (x − x₀), where x₀ is the start of the relaxation and H the Hessian there.
    case quadratic
}

/// Energy, eV, and gradient, eV/Å, of a base at one geometry.
struct BaseEvaluator: Sendable {
    let base: Base
    let start: Atoms
    let hessian: Matrix

    func callAsFunction(_ atoms: Atoms) throws -> (energy: Double, gradient: [SIMD3<Double>]) {
        switch base {
        case .forceField(let field):
            let prediction = try field.predict(atoms)
            guard let energy = prediction.energy, energy.isFinite,
                prediction.forces.allSatisfy({ $0.squaredLength.isFinite })
            else { throw LearningError.baseWithoutEnergy(field.provenance.name) }
            return (energy, prediction.forces.map { -$0 })
        case .quadratic:
            let x = flat(zip(atoms.positions, start.positions).map { $0 - $1 })
            let g = product(hessian, x)
            return (0.5 * dot(x, g), vectors(g))
        }
    }
}

/// The reason why no step can be proposed.
public enum LearningError: Error, Sendable, Equatable, CustomStringConvertible {
    case baseWithoutEnergy(String)
    case notFinite
    case otherComposition(expected: String, found: String)
    case wrongShape(expected: Int, found: Int)

    public var description: String {
        switch self {
        case .baseWithoutEnergy(let name):
            "the base \(name) gives no finite energy and forces at this geometry"
        case .otherComposition(let expected, let found):
            "a labelled geometry has the composition \(found), expected \(expected)"
        case .notFinite: "a position, force or energy is not finite"
        case .wrongShape(let expected, let found): "found \(found) atoms, expected \(expected)"
        }
    }
}

func flat(_ vectors: [SIMD3<Double>]) -> [Double] { vectors.flatMap { [$0.x, $0.y, $0.z] } }

func vectors(_ flat: [Double]) -> [SIMD3<Double>] {
    (0..<flat.count / 3).map { SIMD3(flat[3 * $0], flat[3 * $0 + 1], flat[3 * $0 + 2]) }
}

/// Returns true for each of the 3N coordinates that may change.
func freeCoordinates(_ atoms: [Bool]?, _ fixed: [Int], count: Int) -> [Bool] {
    var isFree = (0..<3 * count).map { atoms?[$0 / 3] ?? true }
    for coordinate in fixed { isFree[coordinate] = false }
    return isFree
}

/// Returns the vectors with zero for each coordinate that is not free.
func masked(_ vectors: [SIMD3<Double>], _ isFree: [Bool]) -> [SIMD3<Double>] {
    vectors.enumerated().map { i, vector in
        SIMD3(
            isFree[3 * i] ? vector.x : 0, isFree[3 * i + 1] ? vector.y : 0, isFree[3 * i + 2] ? vector.z : 0)
    }
}

func dot(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for i in a.indices { sum += a[i] * b[i] }
    return sum
}

/// Returns the length of the longest vector; three numbers of `flat` are one vector.
func longest(_ flat: [Double]) -> Double { vectors(flat).reduce(0) { max($0, $1.length) } }

public import Atomistics
public import LinearAlgebra
import Relaxation

/// The start of a learning relaxation: a minimum of its base, and the base's Hessian there.
public struct BaseStart: Sendable {
    /// Positions at the start, Å.
    public let positions: [SIMD3<Double>]
    /// The base's Hessian at these positions, 3N×3N, eV/Å².
    public let hessian: Matrix
    /// Number of steps on the base, and the largest remaining force, eV/Å.
    public let steps: Int
    public let fmax: Double
    /// The reason why the base's minimum is not used; nil if it is used.
    public let refusal: String?

    /// - Parameters:
    ///   - atoms: the structure as given.
    ///   - isFree: true for each atom that may move.
    ///   - fixedCoordinates: 3 · atom + axis of each coordinate that keeps its value while its atom moves.
    ///   - base: the force field.
    ///   - relaxes: false to compute only the Hessian.
    ///   - gate: the checks that the minimum must pass, in comparison with the structure as given.
    /// - Throws: errors of the base; ``LearningError``.
    /// - Complexity: the relaxation, and 6N forces if the base has no Hessian (3N if N is more than 100).
    public init(
        _ atoms: Atoms, isFree: [Bool], fixedCoordinates: [Int] = [], base: any ForceField, relaxes: Bool,
        gate: GeometryCheck = GeometryCheck()
    ) throws {
        let movable = isFree
        let isFree = freeCoordinates(isFree, fixedCoordinates, count: atoms.count)
        let evaluate = { (atoms: Atoms) throws -> (energy: Double, gradient: [SIMD3<Double>]) in
            let prediction = try base.predict(atoms)
            guard let energy = prediction.energy, energy.isFinite,
                prediction.forces.allSatisfy({ $0.squaredLength.isFinite })
            else { throw LearningError.baseWithoutEnergy(base.provenance.name) }
            return (energy, masked(prediction.forces.map { -$0 }, isFree))
        }
        var relaxed = atoms
        var refusal: String?
        var (steps, fmax) = (0, 0.0)
        if relaxes {
            var settings = RelaxationSettings()
            (settings.fmax, settings.maxSteps, settings.maxStep) = (0.02, 1000, 0.1)
            (settings.movable, settings.keepsBonds) = (movable, true)
            settings.fixedCoordinates = fixedCoordinates
            var relaxer = Relaxer(atoms, forceField: base, settings: settings)
            while relaxer.status == .running { try relaxer.advance() }
            let end = relaxer.status == .converged ? relaxer.current : relaxer.best
            (steps, fmax) = (end?.step ?? 0, end?.fmax ?? 0)
            var minimum = atoms
            minimum.positions = end?.atoms.positions ?? atoms.positions
            let problems = gate.problems(in: minimum, comparedWith: atoms)
            if let first = problems.first {
                refusal =
                    "the minimum of the base \(base.provenance.name) is not used: \(first)"
                    + (problems.count > 1 ? " and \(problems.count - 1) more" : "")
            } else {
                relaxed = minimum
            }
        }
        positions = relaxed.positions
        (self.steps, self.fmax, self.refusal) = (steps, fmax, refusal)
        let size = 3 * atoms.count
        if let own = try base.hessian(relaxed), own.count == size * size {
            hessian = Matrix(rows: size, columns: size, storage: own)
        } else {
            hessian = try Self.differences(relaxed, isFree, isCentral: atoms.count <= 100) {
                flat(try evaluate($0).gradient)
            }
        }
    }

    /// Returns the Hessian ∂g_j/∂x_i by finite differences of the gradient g, made symmetric: (g_j(x_i + h) − g_j(x_i −
    /// h))/2h if `isCentral`, otherwise (g_j(x_i + h) − g_j(x_i))/h.
    private static func differences(
        _ atoms: Atoms, _ isFree: [Bool], isCentral: Bool, _ gradient: (Atoms) throws -> [Double]
    ) throws -> Matrix {
        let h = 0.01
        let size = 3 * atoms.count
        let here = isCentral ? [] : try gradient(atoms)
        var result = Matrix(rows: size, columns: size)
        for i in 0..<size where isFree[i] {
            var moved = atoms
            moved.positions[i / 3][i % 3] += h
            let up = try gradient(moved)
            var down = here
            if isCentral {
                moved.positions[i / 3][i % 3] = atoms.positions[i / 3][i % 3] - h
                down = try gradient(moved)
            }
            let width = isCentral ? 2 * h : h
            for j in 0..<size { result[i, j] = (up[j] - down[j]) / width }
        }
        for i in 0..<size {
            for j in 0..<i {
                let mean = (result[i, j] + result[j, i]) / 2
                (result[i, j], result[j, i]) = (mean, mean)
            }
        }
        return result
    }
}

extension Atoms {
    /// The structure with only elements, positions and cell.
    var bare: Atoms { Atoms(elements: elements, positions: positions, cell: cell, periodicity: periodicity) }

    /// Returns the ``bare`` structure with its free coordinates displaced.
    func displaced(by displacement: [Double], _ isFree: [Bool]) -> Atoms {
        var moved = bare
        for i in isFree.indices where isFree[i] { moved.positions[i / 3][i % 3] += displacement[i] }
        return moved
    }
}

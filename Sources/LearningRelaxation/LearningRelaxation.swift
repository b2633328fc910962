public import Atomistics
import Foundation
public import LinearAlgebra
import SOAPPotential

/// A relaxation with an expensive engine. Every gradient of the engine trains a correction to a base force field, and
/// the sum of both, the surrogate, is relaxed between two gradients.
///
///     E(r) = E_base(r) + Δ(r)
///
/// The same start, base and gradients give the same next geometry, bit for bit on one machine. A
/// relaxation therefore resumes by observing the gradients of an earlier process again.
public struct LearningRelaxation: Sendable {
    public let settings: LearningSettings
    public let start: Atoms
    /// True for each coordinate that may change, 3N.
    let isFree: [Bool]
    private let base: BaseEvaluator
    /// Inverse of |H|, the initial Hessian with absolute eigenvalues of at least ``LearningSettings/hessianFloor``. It
    /// covers all coordinates; fixed coordinates are not coupled to the others.
    private let inverse: Matrix
    private var quasiNewton: QuasiNewton
    private var correction: Correction
    public private(set) var frames: [LearntFrame] = []
    public private(set) var trustRadius: Double
    /// Index of the frame that steps start from.
    public private(set) var best = 0
    /// Number of geometries of an earlier job that the correction has learnt.
    private var learntBefore = 0
    /// Number of consecutive gradients that a quadratic model predicted better than the surrogate.
    private var lostInARow = 0

    /// - Parameters:
    ///   - start: geometry of the first gradient; a molecule, or a periodic structure whose cell is kept.
    ///   - isFree: true for each atom that may move.
    ///   - fixedCoordinates: 3 · atom + axis of each coordinate that keeps its value while its atom moves.
    ///   - base: the energy to which the correction is added.
    ///   - hessian: 3N×3N at the start, eV/Å². Nil means a Hessian of springs between near atoms.
    ///   - settings: trust radii and limits.
    public init(
        start: Atoms, isFree: [Bool]? = nil, fixedCoordinates: [Int] = [], base: Base,
        hessian: Matrix? = nil,
        settings: LearningSettings = LearningSettings()
    ) throws {
        precondition(isFree.map { $0.count == start.count } ?? true, "one mask value per atom")
        guard start.positions.allSatisfy(\.squaredLength.isFinite) else { throw LearningError.notFinite }
        var settings = settings
        settings.trustRadius = min(settings.trustRadius, settings.maxStep)
        settings.smallestTrustRadius = min(settings.smallestTrustRadius, settings.maxStep)
        settings.largestTrustRadius = min(settings.largestTrustRadius, settings.maxStep)
        self.settings = settings
        self.start = start.bare
        let isFree = freeCoordinates(isFree, fixedCoordinates, count: start.count)
        self.isFree = isFree
        let raw = hessian ?? pairSpringHessian(start)
        guard raw.rows == 3 * start.count, raw.columns == raw.rows else {
            throw LearningError.wrongShape(expected: 3 * start.count, found: raw.rows)
        }
        var masked = raw
        for i in 0..<raw.rows {
            for j in 0..<raw.rows where !isFree[i] || !isFree[j] {
                masked[i, j] = i == j ? 70 : 0
            }
            for j in 0..<i {
                let mean = (masked[i, j] + masked[j, i]) / 2
                (masked[i, j], masked[j, i]) = (mean, mean)
            }
        }
        let eigen = try SymmetricEigen(masked)
        let floor = settings.hessianFloor
        let positive = eigen.applying { max(abs($0), floor) }
        quasiNewton = QuasiNewton(positive)
        inverse = eigen.applying { 1 / max(abs($0), floor) }
        self.base = BaseEvaluator(base: base, start: self.start, hessian: positive)
        trustRadius = settings.trustRadius
        let geometries = Self.references(around: self.start, eigen, isFree)
        correction = try Correction(references: geometries)
    }

    /// Returns geometries around a given geometry. The forces of a labelled frame describe the directions towards these
    /// geometries, so the inducing environments must cover them.
    private static func references(
        around atoms: Atoms, _ eigen: SymmetricEigen, _ isFree: [Bool]
    ) -> [Atoms] {
        var random = SplitMix(seed: 17)
        var result = [atoms]
        // Thermal displacements of 0.03 eV per mode, none larger than 0.1 Å.
        for _ in 0..<referenceCount {
            let amplitudes = eigen.values.map { value -> Double in
                let normal =
                    (0..<12).reduce(-6.0) { sum, _ in sum + Double.random(in: 0..<1, using: &random) }
                return normal * min(0.1, (0.03 / max(abs(value), 1e-3)).squareRoot())
            }
            var moved = atoms
            for (i, move) in product(eigen.vectors, amplitudes, transpose: true).enumerated() where isFree[i]
            {
                moved.positions[i / 3][i % 3] += move
            }
            result.append(moved)
        }
        return result
    }

    private static let referenceCount = 10

    // MARK: Observing

    /// Adds labelled geometries of an earlier job of the same composition to the data of the correction, before the
    /// first gradient of this job. Steps never start from these geometries. Does nothing if the base is a quadratic
    /// model, because such a model is valid only near its own geometry.
    ///
    /// - Parameter earlier: geometries with energy and forces; the order of the atoms may differ.
    /// - Throws: ``LearningError``; errors of the base or the descriptor.
    public mutating func learn(_ earlier: [Atoms]) throws {
        precondition(frames.isEmpty, "before the first gradient")
        guard case .forceField = base.base else { return }
        for frame in earlier {
            // In the atom order of this job, because an engine used as the base identifies the elements by their index.
            guard let ordered = frame.reordered(to: start.elements) else {
                throw LearningError.otherComposition(expected: start.formula, found: frame.formula)
            }
            try correction.learn(ordered, base)
        }
        learntBefore = earlier.count
    }

    /// Learns from a gradient of the engine, after comparing it with the prediction for this geometry and adjusting the
    /// trust radius.
    ///
    /// - Parameters:
    ///   - positions: Å, one per atom.
    ///   - energy: eV.
    ///   - forces: the engine's raw forces, eV/Å.
    /// - Throws: ``LearningError``; errors of the base or the descriptor.
    public mutating func observe(
        _ positions: [SIMD3<Double>], energy: Double, forces: [SIMD3<Double>]
    ) throws {
        guard positions.count == start.count, forces.count == start.count else {
            throw LearningError.wrongShape(expected: start.count, found: positions.count)
        }
        guard energy.isFinite, (positions + forces).allSatisfy(\.squaredLength.isFinite) else {
            throw LearningError.notFinite
        }
        var atoms = start
        atoms.positions = positions
        let moving = effective(forces)
        let own = try base(atoms)
        var frame = LearntFrame(positions: positions, energy: energy, forces: moving)
        if !frames.isEmpty { try compare(&frame, atoms) }
        frames.append(frame)
        quasiNewton.learn(flat(positions), gradient: flat(moving.map { -$0 }))
        choose()
        let residual = zip(moving, effective(own.gradient.map { -$0 })).map { $0 - $1 }
        try correction.add(atoms, forces: residual, energy: energy - own.energy)
        try correction.fit(around: learntBefore + best, isFree: isFree)
    }

    /// Records the predictions of the surrogate and the quadratic model for a new frame, and adjusts the trust radius.
    private mutating func compare(_ frame: inout LearntFrame, _ atoms: Atoms) throws {
        let home = frames[best]
        let move = flat(zip(frame.positions, home.positions).map { $0 - $1 })
        // The surrogate as the proposal used it: exact at the best frame.
        let there = try surrogate(atoms)
        let here = try surrogate(moved(home.positions, by: nil))
        let missing = zip(flat(home.forces.map { -$0 }), here.gradient).map { $0 - $1 }
        let predicted = home.energy + there.energy - here.energy + dot(missing, move)
        let surrogate = effective(vectors(zip(there.gradient, missing).map { -($0 + $1) }))
        let expected = quasiNewton.expectedGradient(
            after: move, from: flat(home.forces.map { -$0 }))
        frame.predictedEnergy = predicted
        frame.predictedFmax = surrogate.reduce(0) { max($0, $1.length) }
        frame.forceError = rootMeanSquare(zip(surrogate, frame.forces).map { $0 - $1 })
        frame.quadraticError = rootMeanSquare(
            zip(effective(vectors(expected.map { -$0 })), frame.forces).map { $0 - $1 })
        frame.trustRadius = trustRadius
        let error = frame.forceError ?? 0
        let step = PredictedStep(
            distance: longest(move), fall: home.energy - frame.energy, predictedFall: home.energy - predicted,
            force: rootMeanSquare(home.forces), forceError: error)
        trustRadius = settings.trustRadius(after: step, from: trustRadius)
        lostInARow = error > (frame.quadraticError ?? 0) ? lostInARow + 1 : 0
    }

    /// Chooses the best frame: of the frames whose energies are within the noise of the lowest energy, the one with the
    /// smallest force.
    private mutating func choose() {
        let lowest = frames.reduce(Double.infinity) { min($0, $1.energy) }
        let near = frames.indices.filter { frames[$0].energy <= lowest + settings.energyNoise }
        best = near.min { (frames[$0].fmax, $0) < (frames[$1].fmax, $1) } ?? 0
    }

    /// Returns the forces along the free coordinates; without the net force if all coordinates are free.
    private func effective(_ forces: [SIMD3<Double>]) -> [SIMD3<Double>] {
        guard isFree.allSatisfy({ $0 }) else { return masked(forces, isFree) }
        let mean = forces.reduce(.zero, +) / Double(max(1, forces.count))
        return forces.map { $0 - mean }
    }

    private func rootMeanSquare(_ forces: [SIMD3<Double>]) -> Double {
        let moving = forces.indices.count { isFree[3 * $0] || isFree[3 * $0 + 1] || isFree[3 * $0 + 2] }
        return (forces.reduce(0) { $0 + $1.squaredLength } / Double(max(1, moving))).squareRoot()
    }

    // MARK: Proposing

    /// Proposes the geometry of the next gradient.
    ///
    /// - Precondition: at least one gradient was observed.
    public func proposal() throws -> Proposal {
        precondition(!frames.isEmpty, "at least one gradient was observed")
        let home = frames[best]
        if lostInARow > 0 || correction.fitted == nil {
            return try quasiNewtonStep(
                "a quadratic model predicted the last gradient better than the surrogate")
        }
        let corrected = try exactAtBest()
        var radius = trustRadius
        var outcome = try relax(within: radius, corrected)
        var deviation = try self.deviation(of: outcome, from: home)
        while deviation > max(settings.largestDeviation, (home.energy - outcome.energy) / 4),
            radius > 2 * settings.smallestTrustRadius
        {
            radius = max(settings.smallestTrustRadius, 0.7 * min(radius, longest(outcome.displacement)))
            outcome = try relax(within: radius, corrected)
            deviation = try self.deviation(of: outcome, from: home)
        }
        guard longest(outcome.displacement) > 1e-5, outcome.displacement.allSatisfy(\.isFinite) else {
            return try quasiNewtonStep("the surrogate has its minimum at the best frame")
        }
        let atoms = moved(home.positions, by: outcome.displacement)
        return Proposal(
            positions: atoms.positions, method: .surrogate,
            reason: radius < trustRadius
                ? "as far as the correction is sure"
                : outcome.reachedRadius
                    ? "at the trust radius"
                    : outcome.isConverged ? "where the surrogate is converged" : "after all inner steps",
            innerSteps: outcome.steps, predictedEnergy: outcome.energy,
            predictedFmax: longest(outcome.gradient), energyDeviation: deviation)
    }

    /// Returns a geometry whose energy, as the surrogate predicts, is lower by more than
    /// ``LearningSettings/expectedFall``. Call this once the forces are as small as requested: along a soft direction,
    /// a structure with small forces can still be far above a minimum.
    ///
    /// - Returns: nil if there is none within the trust radius, or if the surrogate's prediction is too uncertain.
    /// - Precondition: at least one gradient was observed.
    public func lowerGeometry() throws -> Proposal? {
        precondition(!frames.isEmpty, "at least one gradient was observed")
        guard best == frames.count - 1, lostInARow == 0, correction.fitted != nil else { return nil }
        let home = frames[best]
        let outcome = try relax(within: trustRadius, dampings: [], exactAtBest())
        let deviation = try self.deviation(of: outcome, from: home)
        let fall = home.energy - outcome.energy
        guard fall > settings.expectedFall, deviation < fall / 4,
            outcome.displacement.allSatisfy(\.isFinite)
        else { return nil }
        return Proposal(
            positions: moved(home.positions, by: outcome.displacement).positions, method: .surrogate,
            reason: "lower along a soft direction", innerSteps: outcome.steps,
            predictedEnergy: outcome.energy, predictedFmax: longest(outcome.gradient),
            energyDeviation: deviation)
    }

    /// Returns the surrogate as a function of the displacement from the best frame. The error of its force at the best
    /// frame is subtracted everywhere, so that the surrogate is exact to first order there; this makes the steps
    /// converge.
    private func exactAtBest() throws -> ([Double]) throws -> (energy: Double, gradient: [Double]) {
        let home = frames[best]
        let start = try surrogate(moved(home.positions, by: nil))
        let missing = zip(flat(home.forces.map { -$0 }), start.gradient).map { $0 - $1 }
        return { displacement in
            let there = try surrogate(moved(home.positions, by: displacement))
            return (
                there.energy - start.energy + home.energy + dot(missing, displacement),
                zip(there.gradient, missing).map { $0 + $1 }
            )
        }
    }

    /// Returns the nearest point at which the surrogate is converged, or the point at which the path reaches the
    /// radius.
    private func relax(
        within radius: Double, dampings: [Double]? = nil,
        _ surrogate: ([Double]) throws -> (energy: Double, gradient: [Double])
    ) throws -> InnerRelaxation.Outcome {
        var inner = InnerRelaxation(
            inverse: inverse, maxSteps: settings.innerSteps, fmax: 0.2 * settings.fmax, radius: radius,
            maxStep: 0.1)
        var (outcome, steps) = (InnerRelaxation.Outcome?.none, 0)
        for damping in (dampings ?? settings.dampings) + [0] {
            inner.damping = damping
            let next = try inner.run(from: outcome?.displacement, surrogate)
            steps += next.steps
            outcome = next
            if next.reachedRadius || longest(next.gradient) <= 0.5 * settings.fmax { break }
        }
        guard var outcome else { preconditionFailure("at least one damping") }
        outcome.steps = steps
        return outcome
    }

    private func deviation(of outcome: InnerRelaxation.Outcome, from home: LearntFrame) throws -> Double {
        try correction.deviation(
            moved(home.positions, by: outcome.displacement), moved(home.positions, by: nil))
    }

    /// Returns energy, eV, and gradient, eV/Å, of the sum of base and correction.
    private func surrogate(_ atoms: Atoms) throws -> (energy: Double, gradient: [Double]) {
        let own = try base(atoms)
        let learnt = try correction.evaluate(atoms)
        let forces = effective(zip(own.gradient, learnt.gradient).map { -($0 + $1) })
        return (own.energy + learnt.energy, flat(forces.map { -$0 }))
    }

    private func quasiNewtonStep(_ reason: String) throws -> Proposal {
        let home = frames[best]
        let gradient = flat(home.forces.map { -$0 })
        let step = try quasiNewton.step(gradient, maxStep: trustRadius)
        return Proposal(
            positions: moved(home.positions, by: step).positions, method: .quasiNewton, reason: reason,
            innerSteps: 0, predictedEnergy: nil,
            predictedFmax: longest(quasiNewton.expectedGradient(after: step, from: gradient)),
            energyDeviation: nil)
    }

    private func moved(_ positions: [SIMD3<Double>], by displacement: [Double]?) -> Atoms {
        var atoms = start
        atoms.positions = positions
        return displacement.map { atoms.displaced(by: $0, isFree) } ?? atoms
    }
}

/// A gradient of the engine, and the predictions that were made for its geometry.
public struct LearntFrame: Sendable, Equatable {
    public let positions: [SIMD3<Double>]
    public let energy: Double
    /// Forces after removal of the net force, zero on fixed atoms, eV/Å.
    public let forces: [SIMD3<Double>]
    public var predictedEnergy: Double?
    public var predictedFmax: Double?
    /// Root mean square length of the surrogate's force error, eV/Å; nil for the first frame.
    public var forceError: Double?
    /// Root mean square length of the quadratic model's force error, eV/Å; nil for the first frame.
    public var quadraticError: Double?
    /// Trust radius before the engine's gradient at this geometry was known, Å; nil for the first frame.
    public var trustRadius: Double?

    public init(positions: [SIMD3<Double>], energy: Double, forces: [SIMD3<Double>]) {
        (self.positions, self.energy, self.forces) = (positions, energy, forces)
    }

    public var fmax: Double { forces.reduce(0) { max($0, $1.length) } }
}

/// The geometry of the next gradient.
public struct Proposal: Sendable, Equatable {
    public enum Method: String, Sendable, Codable {
        case surrogate
        case quasiNewton = "quasi-newton"
    }

    public let positions: [SIMD3<Double>]
    public let method: Method
    public let reason: String
    public let innerSteps: Int
    public let predictedEnergy: Double?
    public let predictedFmax: Double?
    /// Posterior standard deviation of the predicted energy change, eV; nil for a quasi-Newton step.
    public let energyDeviation: Double?
}

import Atomistics
import LinearAlgebra

extension Relaxer {
    /// Makes an evaluated structure the newest frame and decides whether to continue.
    @discardableResult
    mutating func accept(
        _ atoms: Atoms, _ prediction: ForcePrediction, after before: RelaxationState
    ) throws -> RelaxationFrame {
        let step = current.map { $0.step + 1 } ?? 0
        if let atom = prediction.forces.firstIndex(where: { !$0.squaredLength.isFinite }) {
            throw RelaxationError.forceNotFinite(atom: atom, step: step)
        }
        let norms = try effectiveForces(of: prediction, atoms).map(\.length)
        let moving = active.filter { !isFrozen($0, in: prediction) }
        func largest(in segment: Int) -> Double {
            active.filter { isFree($0, in: prediction, segment: segment) }.reduce(0) { max($0, norms[$1]) }
        }
        let fmax = moving.reduce(0) { max($0, norms[$1]) }
        let meanSquare = moving.reduce(0) { $0 + norms[$1] * norms[$1] } / Double(max(1, moving.count))
        let frame = RelaxationFrame(
            step: step, atoms: atoms, prediction: prediction, fmax: fmax,
            rmsForce: meanSquare.squareRoot(), segmentFmax: largest(in: before.place.segment),
            frozen: active.count - moving.count)
        var next = before
        next.current = frame
        if let changes = try bonds?.changes(in: atoms) {
            next.status = .stopped(.bondsChanged(changes))
            state = next
            return frame
        }
        if next.best.map({ isBetter(frame, than: $0) }) ?? true { next.best = frame }
        next.progress.note(
            frame, positions: active.map { atoms.positions[$0] }, longestCycle: settings.stops.cycle)
        next.status = verdict(on: frame, norms, moving, next.progress)
        if next.status == .running, let plan = settings.alternation {
            if step > 0 { next.place.tookStep() }
            if !next.place.settle(in: plan, isConverged: { largest(in: $0) < settings.fmax }) {
                next.status = .stepLimit
            }
        }
        state = next
        return frame
    }

    private func verdict(
        on frame: RelaxationFrame, _ norms: [Double], _ moving: [Int], _ progress: Progress
    ) -> RelaxationStatus {
        let stops = settings.stops
        if frame.fmax < settings.fmax {
            return frame.frozen == 0 ? .converged : .stopped(.outOfDomain(frozen: frame.frozen))
        }
        if let factor = stops.belowUncertainty, let uncertainty = frame.prediction.uncertainty {
            let ratio = moving.reduce(0) { max($0, norms[$1] / uncertainty[$1]) }
            if ratio < factor { return .stopped(.belowUncertainty(largestRatio: ratio, factor: factor)) }
        }
        if let longest = stops.cycle, let period = progress.cycle(upTo: longest, step: frame.step) {
            return .stopped(.cycle(period: period))
        }
        if let patience = stops.stagnation, frame.step - progress.since >= patience {
            return .stopped(.stagnation(since: progress.since, fmax: progress.smallestFmax))
        }
        return frame.step >= settings.maxSteps ? .stepLimit : .running
    }

    private func isBetter(_ frame: RelaxationFrame, than best: RelaxationFrame) -> Bool {
        // The forces of frames with different numbers of fixed out-of-domain atoms are not comparable.
        guard frame.frozen == best.frozen else { return frame.frozen < best.frozen }
        switch settings.keep {
        case .last, .smallestFmax: return frame.fmax < best.fmax
        case .smallestRMSForce: return frame.rmsForce < best.rmsForce
        case .lowestEnergy:
            guard let energy = frame.prediction.energy, let lowest = best.prediction.energy else {
                return frame.rmsForce < best.rmsForce
            }
            return energy < lowest
        }
    }
}

/// Returns the forces without their mean.
///
///     F_i − Σ_j F_j / N
func withoutNetForce(_ forces: [SIMD3<Double>]) -> [SIMD3<Double>] {
    let mean = forces.reduce(.zero, +) / Double(max(1, forces.count))
    return forces.map { $0 - mean }
}

/// Returns the forces without their component along rigid rotations about the centroid, with equal
/// weight for all atoms.
///
///     F_i − ω × d_i,   d_i = r_i − r̄,   Σ_i (|d_i|² 1 − d_i d_iᵀ) ω = Σ_i d_i × F_i
///
/// The component about an axis without moment of inertia (a linear molecule, a single atom) is zero.
/// - Throws: ``LinearAlgebraError`` for positions or forces that are not finite.
func withoutNetTorque(
    _ forces: [SIMD3<Double>], positions: [SIMD3<Double>]
) throws(LinearAlgebraError) -> [SIMD3<Double>] {
    let centroid = positions.reduce(.zero, +) / Double(max(1, positions.count))
    var inertia = Matrix(rows: 3, columns: 3)
    var torque = SIMD3<Double>.zero
    for (force, position) in zip(forces, positions) {
        let d = position - centroid
        torque += d.cross(force)
        for i in 0..<3 {
            inertia[i, i] += d.squaredLength
            for j in 0..<3 { inertia[i, j] -= d[i] * d[j] }
        }
    }
    let axes = try SymmetricEigen(inertia)
    var omega = SIMD3<Double>.zero
    for k in 0..<3 where axes.values[k] > 1e-10 * axes.values[2] {
        let axis = SIMD3(axes.vectors[k, 0], axes.vectors[k, 1], axes.vectors[k, 2])
        omega += axis * (axis.dot(torque) / axes.values[k])
    }
    return zip(forces, positions).map { $0 - omega.cross($1 - centroid) }
}

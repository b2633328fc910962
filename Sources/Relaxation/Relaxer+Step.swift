import Atomistics
import LinearAlgebra

extension Relaxer {
    /// Returns the state with `current` as the start of the next step, and with an optimiser that has learnt from it.
    func departing(
        from current: RelaxationFrame
    ) throws -> (state: RelaxationState, optimizer: any Optimizer, departure: Departure) {
        let segment = state.place.segment
        let departure = Departure(
            x: flat(current.atoms.positions),
            unmasked: flat(try effectiveForces(of: current.prediction, current.atoms)),
            isFree: active.flatMap { atom in
                let isFree = isFree(atom, in: current.prediction, segment: segment)
                return (0..<3).map { isFree && !fixed.contains(3 * atom + $0) }
            }, segment: segment)
        var next = state
        next.departure = departure
        guard var optimizer = state.optimizer, let last = state.departure,
            !startsAfresh(at: current.step, after: last)
        else {
            let hessian =
                settings.optimizer.hasHessian
                ? try startHessian(at: current.atoms) : Matrix(rows: 0, columns: 0)
            return (next, settings.optimizer.make(maxStep: settings.maxStep, hessian: hessian), departure)
        }
        let s = zip(departure.x, last.x).map { $0 - $1 }
        switch settings.atSwitch {
        case .literal: optimizer.learn(s, zip(last.forces, departure.forces).map { $0 - $1 })
        case .maskedSecant, .reset:
            optimizer.learn(s, last.masked(zip(last.unmasked, departure.unmasked).map { $0 - $1 }))
        }
        return (next, optimizer, departure)
    }

    private func startsAfresh(at step: Int, after last: Departure) -> Bool {
        if let every = settings.resetEvery, step.isMultiple(of: every) { return true }
        guard last.segment != state.place.segment else { return false }
        switch settings.atSwitch {
        case .literal: return false
        case .maskedSecant: return settings.optimizer.hasVelocity
        case .reset: return true
        }
    }

    /// Returns the initial Hessian, for the active atoms.
    private func startHessian(at atoms: Atoms) throws -> Matrix {
        guard settings.startHessian == .model,
            let values = try settings.givenHessian ?? forceField.hessian(atoms)
        else { return .identity(3 * active.count, scale: StartHessian.unitCurvature) }
        var hessian = Matrix(rows: 3 * active.count, columns: 3 * active.count)
        let width = 3 * initial.count
        let rows = active.flatMap { [3 * $0, 3 * $0 + 1, 3 * $0 + 2] }
        for (i, row) in rows.enumerated() {
            for (j, column) in rows.enumerated() {
                hessian[i, j] = (values[row * width + column] + values[column * width + row]) / 2
            }
        }
        // Fixed coordinates are not coupled to the other coordinates.
        for (i, row) in rows.enumerated() where fixed.contains(row) {
            for j in rows.indices { (hessian[i, j], hessian[j, i]) = (0, 0) }
            hessian[i, i] = 70
        }
        do {
            return try SymmetricEigen(hessian).applying { max(abs($0), settings.hessianFloor) }
        } catch {
            throw RelaxationError.noStep(after: current?.step ?? 0)
        }
    }

    // MARK: Forces

    /// Returns the model's forces without the rigid motions that the settings remove, and with zeros along fixed
    /// coordinates.
    func effectiveForces(of prediction: ForcePrediction, _ atoms: Atoms) throws -> [SIMD3<Double>] {
        var forces = prediction.forces
        let allMove =
            active.count == atoms.count && settings.alternation == nil && fixed.isEmpty
            && !(settings.freezesOutOfDomain && prediction.outOfDomain.contains(true))
        for i in fixed { forces[i / 3][i % 3] = 0 }
        guard allMove else { return forces }
        if settings.removesNetForce { forces = withoutNetForce(forces) }
        if settings.removesNetTorque, !atoms.periodicity.isPeriodic {
            forces = try withoutNetTorque(forces, positions: atoms.positions)
        }
        return forces
    }

    func isFrozen(_ atom: Int, in prediction: ForcePrediction) -> Bool {
        settings.freezesOutOfDomain && prediction.outOfDomain[atom]
    }

    func isFree(_ atom: Int, in prediction: ForcePrediction, segment: Int) -> Bool {
        (settings.alternation?.segments[segment].movable[atom] ?? true) && !isFrozen(atom, in: prediction)
    }

    /// Returns the forces at a displacement from `frame`, for an optimiser that probes a position without moving there.
    func forces(
        after displacement: [Double], from frame: RelaxationFrame, _ departure: Departure
    ) throws -> [Double] {
        let atoms = moved(frame.atoms, by: departure.masked(displacement))
        let prediction = try forceField.predict(atoms, following: frame.prediction)
        return departure.masked(flat(try effectiveForces(of: prediction, atoms)))
    }

    // MARK: Displacements

    /// Returns the optimiser's displacement after limits: zero for fixed atoms, and for the others no more than the
    /// expected error of the force allows.
    func limited(
        _ displacement: [Double], by uncertainty: [Double]?, _ departure: Departure
    ) -> [Double] {
        var result = departure.masked(displacement)
        guard let trusted = settings.trustedError, let uncertainty else { return result }
        for (k, atom) in active.enumerated() where uncertainty[atom] > trusted {
            let limit = settings.maxStep * trusted / uncertainty[atom]
            let d = SIMD3(result[3 * k], result[3 * k + 1], result[3 * k + 2])
            guard d.length > limit else { continue }
            for i in 0..<3 { result[3 * k + i] = d[i] * (limit / d.length) }
        }
        return result
    }

    func moved(_ atoms: Atoms, by displacement: [Double]) -> Atoms {
        var atoms = atoms
        for (k, i) in active.enumerated() {
            atoms.positions[i] += SIMD3(
                displacement[3 * k], displacement[3 * k + 1], displacement[3 * k + 2])
        }
        return atoms
    }

    private func flat(_ vectors: [SIMD3<Double>]) -> [Double] {
        var result: [Double] = []
        result.reserveCapacity(3 * active.count)
        for i in active {
            result.append(vectors[i].x)
            result.append(vectors[i].y)
            result.append(vectors[i].z)
        }
        return result
    }
}

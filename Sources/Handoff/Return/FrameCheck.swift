import Atomistics
import DurableFiles
import JobSpec
import OrderedCollections

/// One checked geometry of a result, with its energy and forces.
struct CheckedFrame {
    let atoms: Atoms
    let energy: Double
    let forces: [SIMD3<Double>]
    let fmax: Double

    func isSame(as other: CheckedFrame) -> Bool {
        atoms.positions == other.atoms.positions && energy == other.energy
    }
}

extension HandoffExpectation {
    /// Checks that a frame has the sent atoms in the sent order and finite energy and forces, and comes from this
    /// package's run.
    func check(_ atoms: Atoms, file: String, frame: Int) throws(ResultRefusal) -> CheckedFrame {
        try atoms.checkAtoms(are: symbols, inputs: inputs, file: file, frame: frame)
        try checkCell(atoms, file: file, frame: frame)
        try checkState(atoms, file: file, frame: frame)
        let (energy, forces) = try atoms.checkedLabels(file: file, frame: frame)
        return CheckedFrame(atoms: atoms, energy: energy, forces: forces, fmax: fmax(forces))
    }

    /// Compares the charge, multiplicity and units that a frame states with those of the request.
    private func checkState(_ atoms: Atoms, file: String, frame: Int) throws(ResultRefusal) {
        if let charge = atoms.statedCharge?.value, charge != Double(parameters.charge) {
            throw .otherCharge(expected: parameters.charge, found: Int(exactly: charge.rounded()) ?? .max)
        }
        let electrons = atoms.elements.reduce(-parameters.charge) { $0 + $1.atomicNumber }
        if let expected = parameters.multiplicity(electrons: electrons) {
            if let found = atoms.statedMultiplicity?.value, found != Double(expected) {
                throw .otherMultiplicity(expected: expected, found: Int(exactly: found.rounded()) ?? .max)
            }
            // Programs write the multiplicity, the number of unpaired electrons or S under this name.
            let unpaired = Double(expected - 1)
            if let spin = atoms.info["spin"]?.double, ![unpaired + 1, unpaired, unpaired / 2].contains(spin) {
                throw .contradiction(
                    "\(file), frame \(frame): spin is \(spin), which does not fit the requested multiplicity \(expected)"
                )
            }
        }
        let units: [(keys: [String], known: Set<String>)] = [
            (["energy_unit", "energy_units"], ["ev"]),
            (["length_unit", "length_units"], ["angstrom", "ang", "å", "a"]),
            (
                ["force_unit", "force_units", "forces_unit", "forces_units"],
                ["ev/angstrom", "ev/ang", "ev/å", "ev/a"]
            ),
        ]
        for (keys, known) in units {
            for key in keys {
                guard case .string(let unit)? = atoms.info[key], !known.contains(unit.lowercased()) else {
                    continue
                }
                throw .wrongUnits("\(file), frame \(frame): \(key) is \(unit), not Å, eV and eV/Å")
            }
        }
    }

    /// Checks that fixed atoms and fixed coordinates have not moved.
    func checkFixed(_ positions: [SIMD3<Double>]) throws(ResultRefusal) {
        let sent = vectors
        let positions = nearest(positions, to: sent)
        for atom in parameters.fixedAtoms {
            let distance = (positions[atom] - sent[atom]).length
            guard distance <= 1e-4 else { throw .fixedAtomMoved(atom: atom, by: distance) }
        }
        for i in parameters.fixedCoordinates ?? [] where sent.indices.contains(i / 3) {
            let distance = abs(positions[i / 3][i % 3] - sent[i / 3][i % 3])
            guard distance <= 1e-4 else { throw .fixedAtomMoved(atom: i / 3, by: distance) }
        }
    }
}

/// A check of the frames of a path, one after the other. The path must begin at the sent structure, no step may be
/// longer than allowed, fixed atoms and coordinates must not move, and the energies must change about as the forces
/// predict.
struct PathCheck {
    private let expected: HandoffExpectation
    private let file: String
    private(set) var last: CheckedFrame?
    private var count = 0
    /// Sum of |ΔE| over the steps of the path, eV.
    private var byEnergies = 0.0
    /// Sum of |F · Δr| over the steps, eV: the energy changes that the forces predict. F is the mean of the forces
    /// before and after a step.
    private var byForces = 0.0

    /// Positions of earlier frames, Å: a step of the learning relaxation may start from any of them.
    private var earlier: [[SIMD3<Double>]] = []

    init(_ expected: HandoffExpectation, file: String) { (self.expected, self.file) = (expected, file) }

    private var isLearning: Bool { expected.parameters.optimizer.method == .learning }

    /// Largest displacement in the first frame, Å. If the structure is relaxed on the base first, the limit admits the
    /// base's minimum; otherwise it admits only the rounding error of shifting the positions into a box and back.
    private var firstLimit: Double {
        isLearning && expected.parameters.optimizer.base?.relaxFirst == true
            ? HandoffExpectation.largestDisplacement : 1e-6
    }

    private var stepLimit: Double {
        let optimizer = expected.parameters.optimizer
        let learning = isLearning ? optimizer.learningMaxStep ?? DFTStage.defaultLearningMaxStep : 0
        return max(optimizer.maxStep, learning) * 1.001
    }

    mutating func add(_ frame: CheckedFrame) throws(ResultRefusal) {
        let positions = frame.atoms.positions
        let limit = last == nil ? firstLimit : stepLimit
        let isNear = earlier.contains {
            largestDistance($0, expected.nearest(positions, to: $0)).distance <= limit
        }
        if !isNear {
            let from = last?.atoms.positions ?? expected.vectors
            let (atom, distance) = largestDistance(from, expected.nearest(positions, to: from))
            guard distance <= limit else {
                throw .displaced(file: file, frame: count, atom: atom, by: distance, limit: limit)
            }
        }
        if isLearning { earlier.append(positions) }
        if let last {
            byEnergies += abs(frame.energy - last.energy)
            var work = 0.0
            let now = expected.nearest(positions, to: last.atoms.positions)
            for i in frame.forces.indices {
                work +=
                    (last.forces[i] + frame.forces[i]).dot(now[i] - last.atoms.positions[i])
                    / 2
            }
            byForces += abs(work)
        }
        last = frame
        count += 1
    }

    /// Ends the check of the path: compares the fixed atoms in its last frame, and the energies with the forces.
    ///
    /// The comparison of energies and forces is rough on purpose, because steps are long and grids are coarse. It still
    /// detects energies in Hartree instead of eV, which differ by a factor of 27.
    func finish() throws(ResultRefusal) {
        if let last { try expected.checkFixed(last.atoms.positions) }
        guard max(byEnergies, byForces) > 0.1 else { return }
        let ratio = byEnergies / byForces
        guard ratio > 1 / 8.0, ratio < 8 else {
            throw .wrongUnits(
                "the energies change by \(byEnergies) eV, but the forces imply \(byForces) eV: "
                    + "are they in eV and eV/Å?")
        }
    }
}

extension Atoms {
    /// Checks that a frame has these atoms in this order at finite positions, and comes from this package's run.
    func checkAtoms(
        are symbols: [String], inputs: Digest, file: String, frame: Int
    ) throws(ResultRefusal) {
        guard count == symbols.count else {
            throw .atomCount(file: file, frame: frame, expected: symbols.count, found: count)
        }
        for (index, element) in elements.enumerated() where element.symbol != symbols[index] {
            throw .otherElement(
                file: file, frame: frame, atom: index, expected: symbols[index], found: element.symbol)
        }
        if let found = info["inputs"] {
            guard found == .string("sha256:\(inputs.hexadecimal)") else { throw .otherInputs }
        }
        guard positions.allSatisfy(\.isFinite) else { throw .notFinite(file: file, frame: frame) }
    }

    /// Returns the energy, eV, and the forces, eV/Å, after checking that all of them are finite.
    func checkedLabels(
        file: String, frame: Int
    ) throws(ResultRefusal) -> (energy: Double, forces: [SIMD3<Double>]) {
        guard let energy else { throw .noEnergy(file: file, frame: frame) }
        guard let forces, forces.count == count else { throw .noForces(file: file, frame: frame) }
        guard energy.isFinite, forces.allSatisfy(\.isFinite) else {
            throw .notFinite(file: file, frame: frame)
        }
        return (energy, forces)
    }
}

/// Returns the atom that is furthest from its position in the other structure, and this distance, Å.
func largestDistance(_ a: [SIMD3<Double>], _ b: [SIMD3<Double>]) -> (atom: Int, distance: Double) {
    var result = (atom: 0, distance: 0.0)
    for i in a.indices {
        let distance = (a[i] - b[i]).length
        if distance > result.distance || !distance.isFinite { result = (i, distance) }
    }
    return result
}

/// Returns the root mean square distance from the mean position, Å.
func radiusOfGyration(_ positions: [SIMD3<Double>]) -> Double {
    let centre = mean(positions)
    let sum = positions.reduce(0) { $0 + ($1 - centre).squaredLength }
    return (sum / Double(positions.count)).squareRoot()
}

func mean(_ positions: [SIMD3<Double>]) -> SIMD3<Double> {
    positions.reduce(SIMD3<Double>.zero, +) / Double(positions.count)
}

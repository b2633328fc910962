import Atomistics
import DurableFiles
import JobSpec
import OrderedCollections

extension ReturnedResult {
    /// Checks a result that any program wrote, and that the user put into the inbox as one file `<name>.result.extxyz`.
    /// The last frame with energy and forces is used.
    ///
    /// The forces decide whether the result has converged. The whole structure may have been shifted, but not rotated.
    public init(
        dropped bytes: [UInt8], named name: String, expecting expected: HandoffExpectation
    ) throws(ResultRefusal) {
        let all: [Atoms]
        do {
            all = try ExtXYZ.frames(in: bytes, label: name)
        } catch {
            throw .unreadable(name, reason: "\(error)")
        }
        guard let index = all.lastIndex(where: { $0.energy != nil && $0.forces != nil }) else {
            guard let last = all.last else { throw .noFrames(name) }
            throw last.energy == nil
                ? .noEnergy(file: name, frame: all.count - 1) : .noForces(file: name, frame: all.count - 1)
        }
        let frame = try expected.check(all[index], file: name, frame: index)
        let came = expected.near(frame.atoms.positions)
        try Self.checkPlace(came, expected, name: name, index: index)

        let limit = expected.parameters.optimizer.fmax
        let converged = frame.fmax < limit
        verdict = converged ? .converged : .stepLimit
        message =
            "returned as \(name): fmax \(frame.fmax) eV/Å, \(converged ? "below" : "not below") \(limit) eV/Å"
        var structure = frame.atoms
        let wasPeriodic = structure.periodicity.isPeriodic
        // The positions have been compared with the sent ones, so the sent cell can replace the cell in the file, which
        // may be another program's box.
        expected.setCell(of: &structure)
        structure.positions = came
        final = structure
        best = nil
        let labelled = try all[...index].enumerated().filter { $1.energy != nil && $1.forces != nil }
            .map { index, atoms throws(ResultRefusal) in
                try expected.check(atoms, file: name, frame: index)
            }
        path = Path(energies: labelled.map(\.energy), fmax: labelled.map(\.fmax))
        levelOfTheory = frame.atoms.levelOfTheory
        engine = levelOfTheory.flatMap { level in
            level.hasPrefix(expected.parameters.levelOfTheory.prefix)
                ? expected.parameters.engine.rawValue : level.split(separator: " ").first.map(String.init)
        }
        gradientCalls = nil
        scfCycles = nil
        wallTime = nil
        versions = [:]
        host = nil
        ranks = nil
        notes = []
        digest = Digest(of: bytes)
        if wasPeriodic, !expected.isPeriodic {
            notes.append("the file claims to be periodic; it is treated as the molecule that was sent")
        }

        if index < all.count - 1 {
            notes.append("frames after frame \(index) have no energy and forces and were left out")
        }
        let (prefix, suffix) = expected.parameters.levelOfTheory
        if let level = levelOfTheory {
            do {
                try expected.parameters.checkLevel(level)
            } catch {
                notes.append("computed at the level \(level), while the job requested \(prefix)…\(suffix)")
            }
        } else {
            notes.append("the file does not state its level of theory")
        }
    }

    /// Throws an error if the size of the structure shows other units than Å, or if an atom is too far from its sent
    /// position, for example because the order of the atoms differs.
    private static func checkPlace(
        _ came: [SIMD3<Double>], _ expected: HandoffExpectation, name: String, index: Int
    ) throws(ResultRefusal) {
        let sent = expected.vectors
        let size = radiusOfGyration(sent)
        if size > 0.1 {
            let ratio = radiusOfGyration(came) / size
            for (factor, unit) in [(1 / 0.529177, "Bohr"), (0.1, "nm")] where abs(ratio / factor - 1) < 0.1 {
                throw .wrongUnits(
                    "the structure is \(ratio) times as large as the one sent: positions in \(unit), not Å?")
            }
        }
        let shift = expected.shift(of: came)
        let (atom, distance) = largestDistance(sent.map { $0 + shift }, came)
        let limit = HandoffExpectation.largestDisplacement
        guard distance <= limit else {
            throw .displaced(file: name, frame: index, atom: atom, by: distance, limit: limit)
        }
        try expected.checkFixed(came.map { $0 - shift })
    }
}

extension HandoffExpectation {
    /// Returns each returned position at its periodic image nearest to the sent one, because programs may wrap atoms
    /// into the cell. Before the comparison, the sent positions are shifted by the displacement of the first atom.
    fileprivate func near(_ came: [SIMD3<Double>]) -> [SIMD3<Double>] {
        let sent = vectors
        guard isPeriodic, let first = came.first, let origin = sent.first else { return came }
        let shift = nearest([first], to: [origin])[0] - origin
        return nearest(came, to: sent.map { $0 + shift })
    }

    /// Returns the shift of the whole structure, Å. Along each axis it is the mean displacement of the atoms that are
    /// fixed along this axis, or of all atoms if none is.
    fileprivate func shift(of came: [SIMD3<Double>]) -> SIMD3<Double> {
        let moved = zip(came, vectors).map { $0 - $1 }
        var shift = SIMD3<Double>.zero
        for axis in 0..<3 {
            let partly = (parameters.fixedCoordinates ?? []).filter { $0 % 3 == axis }.map { $0 / 3 }
            let fixed = (parameters.fixedAtoms + partly).filter(moved.indices.contains)
            let still = fixed.isEmpty ? Array(moved.indices) : fixed
            shift[axis] = still.reduce(0) { $0 + moved[$1][axis] } / Double(still.count)
        }
        return shift
    }
}

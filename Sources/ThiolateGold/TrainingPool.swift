import Atomistics
import Descriptors
import LinearAlgebra
import MinimalLearning

/// All environments of one class in the training frames.
struct TrainingPool {
    /// Descriptors of the environments, N×F, not scaled.
    var descriptors: Matrix
    /// The force on the centre of each environment, eV/Å.
    var forces: [SIMD3<Double>]
    var environments: [Environment]
    /// Index of the frame of each environment.
    var frames: [Int]
    var stretched = 0

    /// Collects the environments of all frames by class.
    ///
    /// - Throws: ``TrainingError``, and errors of the descriptor.
    static func collect(
        _ frames: [Atoms], _ options: EnvironmentOptions, progress: TrainingProgress
    ) throws -> [AtomClass: TrainingPool] {
        guard !frames.isEmpty else { throw TrainingError.noFrames }
        let soap = try options.soap.soap()
        let known = Set(soap.species)
        var rows: [AtomClass: [Double]] = [:]
        var pools: [AtomClass: TrainingPool] = [:]
        for (f, frame) in frames.enumerated() {
            progress.reached(f, of: frames.count)
            let forces = try checked(frame, f, known)
            let classes = Classification(frame, options: options.classification)
            let x = try soap.compute(frame)
            let finder = EnvironmentFinder(frame)
            for i in 0..<frame.count {
                let atomClass = classes.classes[i]
                let (environment, stretched) = finder.environment(
                    of: i, atomClass, halfUnit: classes.halfUnit[i])
                rows[atomClass, default: []].append(contentsOf: x.row(i))
                pools[
                    atomClass,
                    default: TrainingPool(
                        descriptors: Matrix(rows: 0, columns: 0), forces: [], environments: [],
                        frames: [])
                ].append(forces[i], environment, frame: f, stretched)
            }
        }
        progress("described \(counted(frames.count, "frame"))")
        for (atomClass, values) in rows {
            pools[atomClass]?.descriptors = Matrix(
                rows: values.count / soap.featureCount, columns: soap.featureCount, storage: values)
        }
        return pools
    }

    /// Returns the classes with enough environments, in the order of the classes.
    ///
    /// - Throws: ``TrainingError`` if a frame has another level of theory than `levelOfTheory` or no class has enough
    ///   environments, and errors of the descriptor.
    static func sufficient(
        in frames: [Atoms], levelOfTheory: String, _ options: EnvironmentOptions,
        progress: TrainingProgress
    ) throws -> [(atomClass: AtomClass, pool: TrainingPool)] {
        for (f, frame) in frames.enumerated() where frame.levelOfTheory != levelOfTheory {
            throw TrainingError.levelOfTheory(
                frame: f, found: frame.levelOfTheory, expected: levelOfTheory)
        }
        let pools = try collect(frames, options, progress: progress)
        var enough: [(atomClass: AtomClass, pool: TrainingPool)] = []
        for atomClass in AtomClass.allCases {
            if let pool = pools[atomClass], pool.forces.count >= options.fewestEnvironments {
                enough.append((atomClass, pool))
            } else {
                let count = pools[atomClass]?.forces.count ?? 0
                progress("\(atomClass.rawValue): \(count) environments are too few; the class gets no model")
            }
        }
        guard !enough.isEmpty else {
            throw TrainingError.tooFewEnvironments(
                Dictionary(uniqueKeysWithValues: pools.map { ($0.key.rawValue, $0.value.forces.count) }),
                needed: options.fewestEnvironments)
        }
        return enough
    }

    /// Returns the cost of training in an arbitrary unit, the number of pairs of references.
    ///
    /// - Parameter references: largest number of references.
    func cost(references: Int) -> Double {
        let count = Double(min(forces.count, references))
        return count * count
    }

    private mutating func append(
        _ force: SIMD3<Double>, _ environment: Environment, frame: Int, _ stretched: Bool
    ) {
        forces.append(force)
        environments.append(environment)
        frames.append(frame)
        if stretched { self.stretched += 1 }
    }

    private static func checked(
        _ frame: Atoms, _ index: Int, _ known: Set<Element>
    ) throws(TrainingError) -> [SIMD3<Double>] {
        guard !frame.periodicity.isPeriodic else { throw .periodic(frame: index) }
        guard let forces = frame.forces else { throw .noForces(frame: index) }
        for i in 0..<frame.count {
            guard (frame.positions[i] + forces[i]).sum().isFinite else {
                throw .notFinite(frame: index, atom: i)
            }
            guard known.contains(frame.elements[i]),
                classifiable.contains(frame.elements[i])
            else {
                throw .unknownElement(frame.elements[i].symbol, frame: index, atom: i)
            }
        }
        if let (i, j) = coincidentAtoms(frame) {
            throw .coincidentAtoms(frame: index, i, j)
        }
        return forces
    }
}

/// Returns the first two atoms that are closer than 0.1 Å to each other; nil if there are none.
func coincidentAtoms(_ atoms: Atoms) -> (Int, Int)? {
    let order = atoms.positions.indices.sorted { atoms.positions[$0].x < atoms.positions[$1].x }
    var first: (Int, Int)?
    for (k, i) in order.enumerated() {
        for j in order[(k + 1)...] {
            let difference = atoms.positions[j] - atoms.positions[i]
            if difference.x > 0.1 { break }
            if difference.squaredLength < 0.01 {
                let pair = (min(i, j), max(i, j))
                if first.map({ pair < $0 }) ?? true { first = pair }
            }
        }
    }
    return first
}

public import Atomistics
import Descriptors
import Foundation
import LinearAlgebra

extension SOAPPotential {
    /// Fits a potential to labelled frames.
    ///
    /// Each frame needs forces; energies are used where given. The chosen prior is the smallest one in the settings
    /// whose error on the validation frames is within 4 % of the best (by the mean of ln RMSE over the elements). The
    /// uncertainties are calibrated on the validation and calibration frames. The same frames and settings give the
    /// same model on one machine.
    ///
    /// - Parameters:
    ///   - frames: labelled at one level of theory; molecules or periodic cells.
    ///   - settings: the settings of the descriptors, the kernel and the fit.
    ///   - validation: frames held out of the fit, on which the prior is chosen and the uncertainties are calibrated;
    ///     if the settings request it, they are then part of a second fit.
    ///   - calibration: frames of other molecules, never part of a fit, which show how errors grow far from the
    ///     training data. Frames with elements that no training frame has are skipped.
    ///   - name: the name of the model, for users.
    ///   - progress: reports the progress.
    ///   - examine: called with the potential fitted without the validation frames, and a reporter of the progress of
    ///     the call.
    /// - Throws: ``SOAPPotentialError``, `DescriptorError`, `LinearAlgebraError`.
    /// - Complexity: for ΣM inducing environments and N atoms in all frames 3N(ΣM)² floating-point
    ///   operations for the normal equations, and about as many for the design rows.
    public static func train(
        frames: [Atoms], settings: SOAPPotentialSettings, validation: [Atoms] = [],
        calibration: [Atoms] = [], name: String = "soap-potential",
        progress: TrainingProgress = .untold,
        examine: (SOAPPotential, TrainingProgress) throws -> Void = { _, _ in }
    ) throws -> SOAPPotential {
        let known = Set(frames.flatMap(\.elements))
        let others = calibration.filter { known.isSuperset(of: $0.elements) }
        let level = try check(frames + validation + others, settings, trainingCount: frames.count)
        let provenance = ForceFieldProvenance(
            name: name, kind: fileKind, version: "", levelOfTheory: level)
        let refits = !validation.isEmpty && settings.refitsOnAllFrames
        let cost = (atoms: atomCount(frames), held: atomCount(validation))
        let parts = progress.parts([
            cost.atoms + cost.held, 0.1 * cost.held, refits ? cost.atoms + cost.held : 0,
        ])
        let first = try fit(
            frames, settings, provenance, validation: validation, others: others, calibration: nil, parts[0])
        try examine(first, parts[1])
        guard refits else { return first }
        var fixed = settings
        fixed.priors = [first.prior]
        return try fit(
            frames + validation, fixed, provenance, validation: [], others: [],
            calibration: first.calibration,
            parts[2])
    }

    private static func atomCount(_ frames: [Atoms]) -> Double { Double(frames.reduce(0) { $0 + $1.count }) }

    private static func check(_ frames: [Atoms], _ settings: SOAPPotentialSettings, trainingCount: Int) throws
        -> String
    {
        func require(
            _ condition: Bool, _ name: String, _ value: some CustomStringConvertible, _ allowed: String
        )
            throws
        {
            guard condition else {
                throw SOAPPotentialError.invalidSetting(
                    name: name, value: value.description, allowed: allowed)
            }
        }
        try require((1...12).contains(settings.power), "power", settings.power, "from 1 to 12")
        try require(
            !settings.priors.isEmpty && settings.priors.allSatisfy { $0 > 0 }, "priors",
            "\(settings.priors)", "a list of positive numbers, eV")
        try require(settings.energyNoise > 0, "energy_noise", settings.energyNoise, "positive, eV per atom")
        for noise in [settings.defaultForceNoise] + settings.forceNoise.values {
            try require(noise > 0, "force_noise", noise, "positive, eV/Å")
        }
        guard trainingCount > 0 else { throw SOAPPotentialError.noFrames }
        for (index, atoms) in frames.enumerated() {
            guard let forces = atoms.forces else { throw SOAPPotentialError.noForces(frame: index) }
            guard forces.allSatisfy(\.squaredLength.isFinite), atoms.energy?.isFinite ?? true,
                atoms.positions.allSatisfy(\.squaredLength.isFinite)
            else { throw SOAPPotentialError.notFinite(frame: index) }
        }
        let levels = Set(frames.map { $0.levelOfTheory ?? "not stated" }).sorted()
        guard levels.count == 1 else { throw SOAPPotentialError.mixedLevelsOfTheory(levels) }
        let known = Set(frames[..<trainingCount].flatMap(\.elements))
        let unknown = Set(frames[trainingCount...].flatMap(\.elements)).subtracting(known)
        guard unknown.isEmpty else {
            throw SOAPPotentialError.unknownElements(unknown.sorted().map(\.symbol))
        }
        return levels[0]
    }

    private static func fit(
        _ frames: [Atoms], _ settings: SOAPPotentialSettings, _ provenance: ForceFieldProvenance,
        validation: [Atoms], others: [Atoms], calibration: Calibration?, _ progress: TrainingProgress
    ) throws -> SOAPPotential {
        let (sums, choice, calibrating) = (
            progress.part(0.05...0.6), progress.part(0.6...0.85), progress.part(0.85...1)
        )
        let elements = Set(frames.flatMap(\.elements)).sorted()
        let kernels = try elements.map { try inducingKernel($0, elements, frames, settings) }
        progress(
            "inducing environments: "
                + kernels.map { "\($0.element) \($0.count)" }.joined(separator: ", "))
        let repulsion = try PairRepulsion(frames: frames)
        let constants = try compositionFit(frames, elements)
        var design = ForceDesign(kernels)
        let noise = elements.map(settings.forceNoise(of:))
        var equations = NormalEquations(
            elements: elements, features: design.columns, forceNoise: noise)
        let atomsInAll = atomCount(frames)
        var atomsDone = 0.0
        for (index, atoms) in groupedByElements(frames).enumerated() {
            let target = try target(atoms, repulsion, elements, constants)
            equations.add(
                try design.equations(of: atoms), atoms, forces: target.forces, energy: target.energy)
            atomsDone += Double(atoms.count)
            sums.reached(atomsDone / atomsInAll)
            if index % 10 == 9 { progress("training equations: \(index + 1) of \(frames.count) frames") }
        }
        equations.finish()

        func potential(_ prior: Double) throws -> SOAPPotential {
            let (solution, factor) = try equations.solve(
                energyNoise: settings.energyNoise, prior: prior)
            return try assemble(
                settings, provenance, prior, kernels, constants, repulsion, solution, factor)
        }
        let held = try groupedByElements(validation).map { (atoms: $0, design: try design.equations(of: $0)) }
        var priorsTried = 0
        let prior = try choosePrior(settings) { prior in
            choice.reached(1 + priorsTried, of: 1 + settings.priors.count)
            priorsTried += 1
            let (solution, _) = try equations.solve(
                energyNoise: settings.energyNoise, prior: prior)
            let coefficients = Array(solution[..<design.columns])
            var accuracy = ForceAccuracy()
            for frame in held {
                let flat = frame.design.forces(coefficients)
                accuracy.add(
                    frame.atoms.elements,
                    predicted: (0..<frame.atoms.count).map {
                        [flat[3 * $0], flat[3 * $0 + 1], flat[3 * $0 + 2]]
                    }, reference: try target(frame.atoms, repulsion, elements, constants).forces)
            }
            progress("prior \(prior) eV: \(accuracy.line)")
            return held.isEmpty ? 0 : accuracy.score
        }
        var result = try potential(prior)
        result.calibration =
            try calibration.map { try $0.covering(frames, result, calibrating) }
            ?? result.calibrate(frames: frames, validation: validation, others: others, calibrating)
        return result
    }

    /// Returns the smallest prior (the smoothest energy) whose score is within ``priorTolerance``
    /// of the best.
    private static func choosePrior(
        _ settings: SOAPPotentialSettings, score: (Double) throws -> Double
    ) throws -> Double {
        guard settings.priors.count > 1 else { return settings.priors[0] }
        let scored = try settings.priors.sorted().map { (prior: $0, score: try score($0)) }
        let limit = (scored.map(\.score).min() ?? 0) + priorTolerance
        return scored.first { $0.score <= limit }?.prior ?? settings.priors[0]
    }

    /// Allowed increase of the mean ln RMSE (4 % of the error) in exchange for a smoother energy outside the data.
    private static let priorTolerance = 0.04

    /// Returns the frames grouped by their elements, otherwise in their order.
    private static func groupedByElements(_ frames: [Atoms]) -> [Atoms] {
        let grouped = Dictionary(grouping: frames) { Set($0.elements).sorted() }
        return grouped.keys.sorted { $0.lexicographicallyPrecedes($1) }.flatMap { grouped[$0] ?? [] }
    }

    private static func inducingKernel(
        _ element: Element, _ species: [Element], _ frames: [Atoms], _ settings: SOAPPotentialSettings
    ) throws -> ElementKernel {
        let descriptor = settings.descriptor(of: element)
        let full = FeatureSpace(try descriptor.soap(of: species), id: descriptor)
        var groups: [InducingEnvironments.Group] = []
        let holding = frames.filter { $0.elements.contains(element) }
        for (present, members) in Dictionary(grouping: holding, by: { Set($0.elements).sorted() })
            .sorted(by: { $0.key.lexicographicallyPrecedes($1.key) })
        {
            let space = FeatureSpace(try descriptor.soap(of: present), id: descriptor)
            var rows: [Double] = []
            for atoms in members {
                let centers = atoms.elements.indices.filter { atoms.elements[$0] == element }
                rows += space.normalise(try space.soap.compute(atoms, centers: centers)).rows.storage
            }
            groups.append(
                InducingEnvironments.Group(
                    space: space,
                    rows: Matrix(
                        rows: rows.count / space.soap.featureCount, columns: space.soap.featureCount,
                        storage: rows)))
        }
        let chosen = farthestPoints(groups, in: full, count: settings.inducingCount(of: element))
        let kept = zip(groups, chosen).compactMap { group, rows in
            rows.isEmpty
                ? nil
                : InducingEnvironments.Group(space: group.space, rows: group.rows.selectingRows(rows))
        }
        return try ElementKernel(
            element: element, descriptor: descriptor, power: settings.power,
            environments: InducingEnvironments(groups: kept))
    }

    /// Returns the atomic energies, by least squares of smallest norm from the frames' energies and compositions.
    private static func compositionFit(_ frames: [Atoms], _ elements: [Element]) throws -> [Double] {
        let labelled = frames.filter { $0.energy != nil }
        guard !labelled.isEmpty else { return elements.map { _ in 0 } }
        let counts = Matrix(labelled.map { atoms in elements.map { Double(atoms.count(of: $0)) } })
        let energies = Matrix(labelled.map { [$0.energy ?? 0] })
        return try leastSquares(counts, energies, relativeCutoff: 1e-6).solution.storage
    }

    /// Returns the forces, eV/Å, and the energy, eV, that the kernels must explain: the labels without pair repulsion
    /// and atomic energies.
    private static func target(
        _ atoms: Atoms, _ repulsion: PairRepulsion, _ elements: [Element], _ constants: [Double]
    ) throws -> (forces: [SIMD3<Double>], energy: Double?) {
        var gradient = [SIMD3<Double>](repeating: .zero, count: atoms.count)
        let repulsive = try repulsion.evaluate(atoms, addingTo: &gradient)
        let atomic = zip(elements, constants).reduce(0) { $0 + Double(atoms.count(of: $1.0)) * $1.1 }
        return (
            zip(atoms.forces ?? [], gradient).map { $0 + $1 }, atoms.energy.map { $0 - repulsive - atomic }
        )
    }

    private static func assemble(
        _ settings: SOAPPotentialSettings, _ provenance: ForceFieldProvenance, _ prior: Double,
        _ kernels: [ElementKernel], _ constants: [Double], _ repulsion: PairRepulsion, _ solution: [Double],
        _ factor: Cholesky
    ) throws -> SOAPPotential {
        var parts: [Part] = []
        var offset = 0
        let features = kernels.reduce(0) { $0 + $1.count }
        for (index, kernel) in kernels.enumerated() {
            var selector = Matrix(rows: kernel.count, columns: factor.size)
            for i in 0..<kernel.count { selector[i, offset + i] = 1 }
            let half = factor.whitenRows(selector)
            let covariance = product(half, half, transposeB: true)
            let root = try SymmetricEigen(covariance).applying { max(0, $0).squareRoot() }
            parts.append(
                Part(
                    kernel: kernel, constant: constants[index] + solution[features + index],
                    coefficients: product(
                        kernel.whitening, Array(solution[offset..<offset + kernel.count])),
                    spread: product(kernel.whitening, root)))
            offset += kernel.count
        }
        return SOAPPotential(
            provenance: provenance, settings: settings, prior: prior, parts: parts, repulsion: repulsion,
            calibration: Calibration(samples: [:]))
    }

    /// Calibrates on the atoms of `others` and of the validation frames, or of the training frames if there are no
    /// validation frames.
    ///
    /// - Parameters:
    ///   - frames: the training frames.
    ///   - validation: held-out frames of the same or other molecules.
    ///   - others: held-out frames of molecules outside the potential's domain.
    private func calibrate(
        frames: [Atoms], validation: [Atoms], others: [Atoms], _ progress: TrainingProgress
    ) throws -> Calibration {
        var samples: [String: [Calibration.Sample]] = [:]
        var energyRatios: [Double] = []
        let known = validation.isEmpty ? frames : validation
        for (atoms, isKnown) in known.map({ ($0, true) }) + others.map({ ($0, false) }) {
            guard let forces = atoms.forces else { continue }
            let evaluation = try evaluate(atoms, variances: true)
            if let energy = atoms.energy {
                let error = evaluation.energy - energy
                energyRatios.append(error * error / evaluation.variances.reduce(0, +))
            }
            for (i, element) in atoms.elements.enumerated() {
                samples[element.symbol, default: []].append(
                    Calibration.Sample(
                        doubt: evaluation.doubt(i), error: (forces[i] + evaluation.gradient[i]).length,
                        isKnown: isKnown))
            }
        }
        var calibration = Calibration(samples: samples)
        if !energyRatios.isEmpty {
            calibration.energyScale =
                (energyRatios.reduce(0, +) / Double(energyRatios.count)).squareRoot()
        }
        return try calibration.covering(frames, self, progress)
    }
}

extension Calibration {
    /// Returns this calibration with a domain that includes all atoms of these training frames.
    func covering(
        _ frames: [Atoms], _ potential: SOAPPotential, _ progress: TrainingProgress
    ) throws -> Calibration {
        var extremes: [String: (doubt: Doubt, force: Double)] = [:]
        for (index, atoms) in frames.enumerated() {
            progress.reached(index, of: frames.count)
            let evaluation = try potential.evaluate(atoms, variances: true)
            for (i, element) in atoms.elements.enumerated() {
                let doubt = evaluation.doubt(i)
                var known = extremes[element.symbol] ?? (Doubt(deviation: 0, novelty: 0), 0)
                known.doubt.deviation = max(known.doubt.deviation, doubt.deviation)
                known.doubt.novelty = max(known.doubt.novelty, doubt.novelty)
                known.force = max(known.force, atoms.forces?[i].length ?? 0)
                extremes[element.symbol] = known
            }
        }
        var result = self
        for (symbol, known) in extremes {
            var curve = result.curves[symbol] ?? Curve(deviations: [], errors: [], largest: 0)
            (curve.largest, curve.largestForce) = (known.doubt.deviation, known.force)
            curve.noveltyLimit = max(curve.noveltyLimit ?? 0, known.doubt.novelty)
            result.curves[symbol] = curve
        }
        return result
    }
}

extension ForceAccuracy {
    /// Mean over the elements of ln RMSE of a force component.
    var score: Double {
        rows.values.reduce(0) { $0 + log($1.componentRMSE) } / Double(max(1, rows.count))
    }

    /// RMSE of a force component of each element, eV/Å, for users.
    public var line: String {
        rows.sorted { $0.key < $1.key }
            .map { "\($0.key) \(String(format: "%.4f", $0.value.componentRMSE))" }
            .joined(separator: "  ")
    }
}

extension Atoms {
    fileprivate func count(of element: Element) -> Int { elements.count { $0 == element } }
}

package import Atomistics
import Descriptors
import Foundation
import LinearAlgebra

/// A sparse Gaussian process that learns the error of a base force field for one structure, from
/// one gradient at a time.
///
///     Δ(r) = Σ_i Σ_m c_m (p̂_i·p̂_m)^ζ,   inducing environments m of the same element as atom i
///
/// p̂ is a normalised power spectrum. The inducing environments need no labels: they come from reference geometries, so
/// that the correction can vary in all directions around a single labelled frame. Each new frame adds its own
/// equations; the equations of earlier frames are not computed again.
package struct Correction: Sendable {
    package struct Settings: Sendable, Equatable {
        package var descriptor = SOAPSettings(
            rCut: 4, nMax: 6, lMax: 3, sigma: 0.35, cutoffRadius: 5.5, cutoffWidth: 5.5)
        package var power = 2
        /// Largest number of inducing environments per element.
        package var inducing = 120
        /// Prior standard deviations of an atom's energy among which the marginal likelihood
        /// chooses, eV.
        package var priors = [0.3, 1.0, 3.0, 10.0]
        /// Misfits of a force component among which the marginal likelihood chooses, eV/Å.
        package var forceNoises = [0.003, 0.01, 0.03]
        /// Expected misfit of an energy difference of N atoms, divided by √N, eV.
        package var energyNoise = 0.002

        package init() {}
    }

    /// A labelled geometry: the engine's forces and energy minus those of the base force field.
    struct Frame: Sendable {
        let atoms: Atoms
        /// True for each of the 3N coordinates whose forces are fitted. Nil means the argument of
        /// ``fit(around:isFree:)``.
        let isFree: [Bool]?
        /// Factor on the noise variance of a geometry of another job, whose distance from the central frame is not
        /// known. Nil for a geometry of this job, whose factor follows from that distance.
        let spread: Double?
        let forces: [SIMD3<Double>]
        let energy: Double
        let design: FrameDesign
    }

    package let settings: Settings
    let elements: [Element]
    private(set) var kernels: [ElementKernel]
    private var design: ForceDesign
    private(set) var frames: [Frame] = []
    /// The result of the last ``fit(around:isFree:)``; nil before the first one.
    package private(set) var fitted: Fit?

    /// Result of a fit.
    package struct Fit: Sendable {
        package let prior: Double
        package let forceNoise: Double
        let potential: SOAPPotential
        /// Number that is added to the energy of `potential`, eV, so that the correction is exact at the central frame.
        let constant: Double
        /// Weights of the whitened features.
        let solution: [Double]
        let factor: Cholesky
    }

    /// - Parameters:
    ///   - references: geometries of one structure; their environments are candidates for inducing
    ///     ones.
    ///   - settings: the settings of the correction.
    /// - Throws: `DescriptorError`, `LinearAlgebraError`.
    package init(references: [Atoms], settings: Settings = Settings()) throws {
        precondition(!references.isEmpty, "at least one reference geometry")
        self.settings = settings
        elements = Set(references[0].elements).sorted()
        (kernels, design) = try Self.makeKernels(elements, references, settings)
    }

    private static func makeKernels(
        _ elements: [Element], _ references: [Atoms], _ settings: Settings
    ) throws -> ([ElementKernel], ForceDesign) {
        let space = FeatureSpace(try settings.descriptor.soap(of: elements), id: settings.descriptor)
        let kernels = try elements.map { element in
            var rows: [Double] = []
            for atoms in references {
                let centers = atoms.elements.indices.filter { atoms.elements[$0] == element }
                rows += space.normalise(try space.soap.compute(atoms, centers: centers)).rows.storage
            }
            let all = Matrix(
                rows: rows.count / space.soap.featureCount, columns: space.soap.featureCount, storage: rows)
            let group = InducingEnvironments.Group(space: space, rows: all)
            let chosen = farthestPoints([group], in: space, count: settings.inducing)[0]
            return try ElementKernel(
                element: element, descriptor: settings.descriptor, power: settings.power,
                environments: InducingEnvironments(groups: [
                    InducingEnvironments.Group(space: space, rows: all.selectingRows(chosen))
                ]))
        }
        return (kernels, ForceDesign(kernels))
    }

    /// Chooses new inducing environments from other geometries, and computes the equations of all frames again.
    package mutating func setReferences(_ references: [Atoms]) throws {
        (kernels, design) = try Self.makeKernels(elements, references, settings)
        for index in frames.indices {
            let frame = frames[index]
            frames[index] = Frame(
                atoms: frame.atoms, isFree: frame.isFree, spread: frame.spread, forces: frame.forces,
                energy: frame.energy,
                design: try design.equations(of: frame.atoms))
        }
        fitted = nil
    }

    package var frameCount: Int { frames.count }
    package var inducingCount: Int { kernels.reduce(0) { $0 + $1.count } }

    /// Adds the equations of a labelled geometry for the next ``fit(around:isFree:)``.
    ///
    /// - Parameters:
    ///   - atoms: the geometry.
    ///   - forces: the engine's forces minus the base's, eV/Å.
    ///   - energy: the engine's energy minus the base's, eV, up to a constant that all frames share.
    ///   - isForeign: true for a geometry of another job, whose atoms may be at other positions and in another order.
    ///     All its forces are fitted, with the noise of a frame at 0.2 Å from the central frame.
    package mutating func add(
        _ atoms: Atoms, forces: [SIMD3<Double>], energy: Double, isForeign: Bool = false
    ) throws {
        frames.append(
            Frame(
                atoms: atoms, isFree: isForeign ? [Bool](repeating: true, count: 3 * atoms.count) : nil,
                spread: isForeign ? 5 : nil, forces: forces, energy: energy,
                design: try design.equations(of: atoms)))
    }

    /// Fits the weights with the prior and noise of largest marginal likelihood.
    ///
    /// - Parameters:
    ///   - center: index of the frame at which the fit must be best. The noise of another frame is √(1 + (d / 0.1 Å)²)
    ///     times as large, where d is its root mean square displacement from this frame.
    ///   - isFree: true for each of the 3N coordinates whose forces are fitted.
    /// - Complexity: 3N F M² for F frames and M inducing environments, and M³/3 for each prior and
    ///   noise tried.
    package mutating func fit(around center: Int, isFree: [Bool]) throws {
        let columns = inducingCount
        var gram = Matrix(rows: columns, columns: columns)
        var right = [Double](repeating: 0, count: columns)
        var (squares, count) = (0.0, 0)
        let home = frames[center]
        let spreads = frames.map { frame -> Double in
            if let spread = frame.spread { return spread }
            let d2 =
                zip(frame.atoms.positions, home.atoms.positions).reduce(0) {
                    $0 + ($1.0 - $1.1).squaredLength
                }
                / Double(frame.atoms.count)
            return 1 + d2 / 0.01
        }
        for (frame, spread) in zip(frames, spreads) {
            let weight = (1 / spread).squareRoot()
            var (rows, targets) = ([Double](), [Double]())
            for (atom, force) in frame.forces.enumerated() {
                for axis in 0..<3 where (frame.isFree ?? isFree)[3 * atom + axis] {
                    rows += frame.design.forces.row(3 * atom + axis).map { weight * $0 }
                    targets.append(weight * force[axis])
                }
            }
            let matrix = Matrix(rows: targets.count, columns: columns, storage: rows)
            addGram(of: matrix, adding: 1, into: &gram)
            for (j, value) in product(matrix, targets, transpose: true).enumerated() { right[j] += value }
            squares += targets.reduce(0) { $0 + $1 * $1 }
            count += targets.count
        }
        // Energies count as differences from the central frame, so no constant is fitted.
        var (energyRows, energyTargets) = ([Double](), [Double]())
        let deviation = settings.energyNoise * Double(home.atoms.count).squareRoot()
        for (index, (frame, spread)) in zip(frames, spreads).enumerated() where index != center {
            let weight = 1 / (deviation * spread.squareRoot())
            energyRows += zip(frame.design.energy, home.design.energy).map { weight * ($0 - $1) }
            energyTargets.append(weight * (frame.energy - home.energy))
        }
        let energies = Matrix(rows: energyTargets.count, columns: columns, storage: energyRows)
        var energyGram = Matrix(rows: columns, columns: columns)
        var energyRight = [Double](repeating: 0, count: columns)
        if energies.rows > 0 {
            addGram(of: energies, into: &energyGram)
            energyRight = product(energies, energyTargets, transpose: true)
        }
        let energySquares = energyTargets.reduce(0) { $0 + $1 * $1 }

        var best: (evidence: Double, prior: Double, noise: Double, solution: [Double], factor: Cholesky)?
        for noise in settings.forceNoises {
            let weight = 1 / (noise * noise)
            let b = zip(right, energyRight).map { weight * $0 + $1 }
            for prior in settings.priors {
                var hessian = energyGram
                for i in hessian.storage.indices { hessian.storage[i] += weight * gram.storage[i] }
                for i in 0..<columns { hessian[i, i] += 1 / (prior * prior) }
                let factor = try Cholesky(hessian)
                let solution = factor.solve(b)
                let explained = zip(b, solution).reduce(0) { $0 + $1.0 * $1.1 }
                // −2 ln p of the data, without terms that do not depend on prior and noise.
                let evidence =
                    weight * squares + energySquares - explained + factor.logDeterminant
                    + 2 * Double(columns) * log(prior) + 2 * Double(count) * log(noise)
                if best.map({ evidence < $0.evidence }) ?? true {
                    best = (evidence, prior, noise, solution, factor)
                }
            }
        }
        guard let best else { preconditionFailure("at least one prior and one noise") }
        let atHome = zip(home.design.energy, best.solution).reduce(0) { $0 + $1.0 * $1.1 }
        fitted = Fit(
            prior: best.prior, forceNoise: best.noise, potential: try potential(best.solution, best.prior),
            constant: home.energy - atHome, solution: best.solution, factor: best.factor)
    }

    private func potential(_ solution: [Double], _ prior: Double) throws -> SOAPPotential {
        var parts: [SOAPPotential.Part] = []
        var offset = 0
        for kernel in kernels {
            parts.append(
                SOAPPotential.Part(
                    kernel: kernel, constant: 0,
                    coefficients: product(
                        kernel.whitening, Array(solution[offset..<offset + kernel.count])),
                    spread: Matrix(rows: kernel.count, columns: kernel.count)))
            offset += kernel.count
        }
        var potentialSettings = SOAPPotentialSettings()
        potentialSettings.descriptor = settings.descriptor
        potentialSettings.power = settings.power
        return SOAPPotential(
            provenance: ForceFieldProvenance(
                name: "correction", kind: SOAPPotential.fileKind, version: "", levelOfTheory: ""),
            settings: potentialSettings, prior: prior, parts: parts, repulsion: try PairRepulsion(frames: []),
            calibration: Calibration(samples: [:]))
    }

    /// Returns the correction Δ, eV, and its gradient ∂Δ/∂r, eV/Å; both are zero before the first fit.
    package func evaluate(_ atoms: Atoms) throws -> (energy: Double, gradient: [SIMD3<Double>]) {
        guard let fitted else { return (0, [SIMD3<Double>](repeating: .zero, count: atoms.count)) }
        let result = try fitted.potential.evaluate(atoms, variances: false)
        return (result.energy + fitted.constant, result.gradient)
    }
}

extension Correction {
    /// Returns the posterior standard deviation of Δ(a) − Δ(b), eV, which is the uncertainty of the correction for a
    /// move.
    package func deviation(_ a: Atoms, _ b: Atoms) throws -> Double {
        guard let fitted else { return .infinity }
        let difference = zip(try features(a), try features(b)).map { $0 - $1 }
        let row = fitted.factor.whitenRows(
            Matrix(rows: 1, columns: difference.count, storage: difference))
        return row.storage.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }

    /// Returns the sums of the whitened kernel features over all atoms.
    private func features(_ atoms: Atoms) throws -> [Double] {
        var result: [Double] = []
        for full in kernels {
            let kernel = try full.restricted(to: elements)
            let centers = atoms.elements.indices.filter { atoms.elements[$0] == kernel.element }
            let rows = kernel.space.normalise(try kernel.space.soap.compute(atoms, centers: centers)).rows
            let similarity = product(rows, kernel.inducing, transposeB: true)
            var sums = [Double](repeating: 0, count: kernel.count)
            for i in 0..<similarity.rows {
                for m in 0..<kernel.count { sums[m] += raise(similarity[i, m], kernel.power) }
            }
            result += product(kernel.whitening, sums, transpose: true)
        }
        return result
    }
}

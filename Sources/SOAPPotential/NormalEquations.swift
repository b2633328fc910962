import Atomistics
import LinearAlgebra

/// The sums AᵀA and Aᵀy over the weighted training rows (A, y), with which priors can be tried without another pass
/// over the data. The columns of A are the whitened kernel features, then one constant per element, which is not zero
/// only in energy rows.
struct NormalEquations {
    private let elements: [Element]
    private let features: Int
    /// Weight 1/σ of the force rows of each element, Å/eV, where σ is the expected misfit of a force component.
    private let weights: [Element: Double]
    private var gram: Matrix
    private var right: [Double]
    /// Columns of the force rows in `pending`, which are collected and then added as one matrix product.
    private var pendingColumns: [Range<Int>] = []
    private var pending: [Double] = []
    private var pendingTargets: [Double] = []
    private var energyRows: [Double] = []
    private var energyTargets: [Double] = []
    private var energySizes: [Int] = []

    private static let batch = 3000

    /// - Parameter forceNoise: the expected misfit σ of a force component, for each element, eV/Å.
    init(elements: [Element], features: Int, forceNoise: [Double]) {
        self.elements = elements
        self.features = features
        weights = Dictionary(uniqueKeysWithValues: zip(elements, forceNoise.map { 1 / $0 }))
        gram = Matrix(rows: features, columns: features)
        right = [Double](repeating: 0, count: features)
    }

    var columns: Int { features + elements.count }

    /// Adds the rows of one frame.
    ///
    /// - Parameters:
    ///   - forces: the forces that the kernels must explain, eV/Å.
    ///   - energy: the energy that the kernels must explain, eV; nil if the frame has no energy.
    mutating func add(_ design: FrameDesign, _ atoms: Atoms, forces: [SIMD3<Double>], energy: Double?) {
        if design.columns != pendingColumns || pendingTargets.count >= Self.batch {
            finish()
            pendingColumns = design.columns
        }
        for (atom, element) in atoms.elements.enumerated() {
            guard let weight = weights[element] else { continue }
            for axis in 0..<3 {
                pending.append(contentsOf: design.forces.row(3 * atom + axis).lazy.map { weight * $0 })
                pendingTargets.append(weight * forces[atom][axis])
            }
        }
        if let energy {
            var row = [Double](repeating: 0, count: columns)
            var offset = 0
            for range in design.columns {
                row.replaceSubrange(range, with: design.energy[offset..<offset + range.count])
                offset += range.count
            }
            for (index, element) in elements.enumerated() {
                row[features + index] = Double(atoms.elements.count { $0 == element })
            }
            energyRows += row
            energyTargets.append(energy)
            energySizes.append(atoms.count)
        }
    }

    /// Adds the pending rows to the sums.
    mutating func finish() {
        guard !pendingTargets.isEmpty else { return }
        let places = pendingColumns.flatMap { $0 }
        let rows = Matrix(rows: pendingTargets.count, columns: places.count, storage: pending)
        var local = Matrix(rows: places.count, columns: places.count)
        addGram(of: rows, into: &local)
        gram.storage.withUnsafeMutableBufferPointer { gram in
            local.storage.withUnsafeBufferPointer { local in
                for (i, row) in places.enumerated() {
                    for (j, column) in places.enumerated() {
                        gram[row * features + column] += local[i * places.count + j]
                    }
                }
            }
        }
        for (place, value) in zip(places, product(rows, pendingTargets, transpose: true)) {
            right[place] += value
        }
        pending = []
        pendingTargets = []
    }

    /// Minimises Σ ‖F − A u‖²/σ_Z² + Σ (E − a·u − n·e)²/(σ_E N)² + ‖u‖²/δ² + ‖e‖²/ε² over the weights u of the kernel
    /// features and the constants e of the elements. The sums run over the frames; A and a are a frame's rows, n is its
    /// composition, N its number of atoms.
    ///
    /// - Parameters:
    ///   - energyNoise: σ_E, eV per atom.
    ///   - prior: δ, eV.
    /// - Returns: (u, e) and the Cholesky factor of the Hessian, whose inverse is the posterior covariance.
    func solve(energyNoise: Double, prior: Double) throws(LinearAlgebraError)
        -> (solution: [Double], factor: Cholesky)
    {
        var hessian = Matrix(rows: columns, columns: columns)
        var b = [Double](repeating: 0, count: columns)
        let energyWeights = energySizes.map { 1 / (energyNoise * Double($0)) }
        var scaled = energyRows
        var targets = energyTargets
        for (row, weight) in energyWeights.enumerated() {
            for j in row * columns..<(row + 1) * columns { scaled[j] *= weight }
            targets[row] *= weight
        }
        let rows = Matrix(rows: energySizes.count, columns: columns, storage: scaled)
        addGram(of: rows, into: &hessian)
        if rows.rows > 0 { b = product(rows, targets, transpose: true) }
        hessian.storage.withUnsafeMutableBufferPointer { h in
            gram.storage.withUnsafeBufferPointer { g in
                for i in 0..<features {
                    for j in 0..<features { h[i * columns + j] += g[i * features + j] }
                }
            }
        }
        for i in 0..<features { b[i] += right[i] }
        for i in 0..<columns {
            let deviation = i < features ? prior : Self.constantDeviation
            hessian[i, i] += 1 / (deviation * deviation)
        }
        let factor = try Cholesky(hessian)
        return (factor.solve(b), factor)
    }

    /// The prior standard deviation ε of an element's constant, eV. The constants are relative to a fit of the energies
    /// to the composition alone.
    private static let constantDeviation = 10.0
}

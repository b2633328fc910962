import Atomistics
import LinearAlgebra

/// Sums of AᵀA and Aᵀy over weighted training rows, so that priors can be tried without another
/// pass over the data. Columns: whitened kernel features, then one constant per element (in energy
/// rows only).
struct NormalEquations {
    private let elements: [Element]
    private let features: Int
    /// 1/σ of a force row of each element, Å/eV.
    private let weights: [Element: Double]
    private var gram: Matrix
    private var right: [Double]
    /// Force rows with these columns, collected to be added as one matrix product.
    private var pendingColumns: [Range<Int>] = []
    private var pending: [Double] = []
    private var pendingTargets: [Double] = []
    private var energyRows: [Double] = []
    private var energyTargets: [Double] = []
    private var energySizes: [Int] = []

    private static let batch = 3000

    /// - Parameter forceNoise: σ of a force component of each element, eV/Å.
    init(elements: [Element], features: Int, forceNoise: [Double]) {
        self.elements = elements
        self.features = features
        weights = Dictionary(uniqueKeysWithValues: zip(elements, forceNoise.map { 1 / $0 }))
        gram = Matrix(rows: features, columns: features)
        right = [Double](repeating: 0, count: features)
    }

    var columns: Int { features + elements.count }

    /// - Parameters:
    ///   - forces: the forces that the kernels must explain, eV/Å.
    ///   - energy: the energy that they must explain, eV; nil if the frame has none.
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

    /// Minimises Σ ‖F − A u‖²/σ_Z² + Σ (E − a·u − n·e)²/(σ_E N)² + ‖u‖²/δ² + ‖e‖²/ε².
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

    /// ε, eV: prior deviation of an element's constant from the fit to the composition alone.
    private static let constantDeviation = 10.0
}

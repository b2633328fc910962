import Atomistics
import LinearAlgebra

/// Sums of AᵀA and Aᵀy over training rows, apart for each element of the force rows, so that weights and
/// prior can be tried without a second pass over the data. Columns: whitened kernel features, then one
/// constant an element (in energy rows only).
struct NormalEquations {
    private let elements: [Element]
    private let features: Int
    private var gram: [Matrix]
    private var right: [[Double]]
    private var pending: [[Double]]
    private var pendingTargets: [[Double]]
    private var energyRows: [Double] = []
    private var energyTargets: [Double] = []
    private var energySizes: [Int] = []

    /// Rows that are gathered before they enter the sum as one matrix product.
    private static let batch = 3000

    init(elements: [Element], features: Int) {
        self.elements = elements
        self.features = features
        gram = elements.map { _ in Matrix(rows: features, columns: features) }
        right = elements.map { _ in [Double](repeating: 0, count: features) }
        pending = elements.map { _ in [] }
        pendingTargets = elements.map { _ in [] }
    }

    var columns: Int { features + elements.count }

    /// - Parameters:
    ///   - forces: what the kernels have to explain, eV/Å.
    ///   - energy: likewise, eV; nil where the frame has none.
    mutating func add(_ design: FrameDesign, _ atoms: Atoms, forces: [SIMD3<Double>], energy: Double?) {
        for (atom, element) in atoms.elements.enumerated() {
            guard let kind = elements.firstIndex(of: element) else { continue }
            for axis in 0..<3 {
                pending[kind].append(contentsOf: design.forces.row(3 * atom + axis))
                pendingTargets[kind].append(forces[atom][axis])
            }
        }
        for kind in elements.indices where pendingTargets[kind].count >= Self.batch { flush(kind) }
        if let energy {
            energyRows += design.energy
            energyRows += elements.map { element in
                Double(atoms.elements.reduce(0) { $0 + ($1 == element ? 1 : 0) })
            }
            energyTargets.append(energy)
            energySizes.append(atoms.count)
        }
    }

    private mutating func flush(_ kind: Int) {
        let rows = Matrix(
            rows: pendingTargets[kind].count, columns: features, storage: pending[kind])
        addGram(of: rows, adding: 1, into: &gram[kind])
        let sum = product(rows, pendingTargets[kind], transpose: true)
        for i in sum.indices { right[kind][i] += sum[i] }
        pending[kind] = []
        pendingTargets[kind] = []
    }

    mutating func finish() {
        for kind in elements.indices where !pendingTargets[kind].isEmpty { flush(kind) }
    }

    /// Minimises Σ ‖F − A u‖²/σ_Z² + Σ (E − a·u − n·e)²/(σ_E N)² + ‖u‖²/δ² + ‖e‖²/ε².
    ///
    /// - Parameters:
    ///   - forceNoise: σ_Z of each element, eV/Å.
    ///   - energyNoise: σ_E, eV an atom.
    ///   - prior: δ, eV.
    /// - Returns: (u, e) and the Cholesky factor of the Hessian, whose inverse is the posterior covariance.
    func solve(forceNoise: [Double], energyNoise: Double, prior: Double) throws(LinearAlgebraError)
        -> (solution: [Double], factor: Cholesky)
    {
        let weights = forceNoise.map { 1 / ($0 * $0) }
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
            for (kind, weight) in weights.enumerated() {
                gram[kind].storage.withUnsafeBufferPointer { g in
                    for i in 0..<features {
                        for j in 0..<features {
                            h[i * columns + j] += weight * g[i * features + j]
                        }
                    }
                }
            }
        }
        for (kind, weight) in weights.enumerated() {
            for i in 0..<features { b[i] += weight * right[kind][i] }
        }
        for i in 0..<columns {
            let deviation = i < features ? prior : Self.constantDeviation
            hessian[i, i] += 1 / (deviation * deviation)
        }
        let factor = try Cholesky(hessian)
        return (factor.solve(b), factor)
    }

    /// ε, eV: how far an element's constant may be from the fit to the composition alone.
    private static let constantDeviation = 10.0
}

/// The methods that a relaxation can use; each as ASE 3.29 has it.
public enum OptimizerKind: String, Sendable, Codable, CaseIterable {
    case bfgs, lbfgs, fire, fire2

    /// As ASE's logs name it.
    public var logName: String {
        switch self {
        case .bfgs: "BFGS"
        case .lbfgs: "LBFGS"
        case .fire: "FIRE"
        case .fire2: "FIRE2"
        }
    }
}

/// Decides where to go from positions and forces alone: no energies, no line search.
///
/// Vectors hold the coordinates of the moving atoms, 3 an atom, Å and eV/Å.
protocol Optimizer: Sendable {
    /// The displacement from `x`, Å.
    ///
    /// - Parameter forces: evaluates other positions; a method that asks for none never calls it.
    mutating func step(
        _ x: [Double], _ f: [Double], forces: ([Double]) throws -> [Double]
    ) throws -> [Double]

    /// Learns from a step that was taken before a restart, as ``step(_:_:forces:)`` would, and leaves out
    /// what only the displacement needs.
    mutating func replay(
        _ x: [Double], _ f: [Double], forces: ([Double]) throws -> [Double]
    ) throws
}

extension Optimizer {
    mutating func replay(
        _ x: [Double], _ f: [Double], forces: ([Double]) throws -> [Double]
    ) throws { _ = try step(x, f, forces: forces) }
}

extension OptimizerKind {
    func make(maxStep: Double, hessian: [Double]?) -> any Optimizer {
        switch self {
        case .bfgs: BFGS(maxStep: maxStep, hessian: hessian)
        case .lbfgs: LBFGS(maxStep: maxStep)
        case .fire: FIRE(maxStep: maxStep)
        case .fire2: FIRE2(maxStep: maxStep)
        }
    }
}

/// Shortens a displacement of all atoms by one factor where one atom would move further than `maxStep`.
func limited(_ displacement: [Double], maxStep: Double) -> [Double] {
    var longest = 0.0
    for i in stride(from: 0, to: displacement.count, by: 3) {
        let (x, y, z) = (displacement[i], displacement[i + 1], displacement[i + 2])
        longest = max(longest, (x * x + y * y + z * z).squareRoot())
    }
    guard longest >= maxStep else { return displacement }
    return displacement.map { $0 * (maxStep / longest) }
}

func dot(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for i in a.indices { sum += a[i] * b[i] }
    return sum
}

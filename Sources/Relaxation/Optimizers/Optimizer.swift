import LinearAlgebra

/// The methods that a relaxation can use. BFGS, LBFGS, FIRE and FIRE2 are the methods of ASE 3.29.
public enum OptimizerKind: String, Sendable, Codable, CaseIterable {
    case bfgs, lbfgs, fire, fire2
    /// Stabilised quasi-Newton, for forces with noise in them.
    case sqnm
    /// BFGS whose matrix stays positive definite: Powell's damping.
    case safeBFGS = "safe-bfgs"

    /// The name in logs: ASE's own, or one in ASE's style for a method that ASE lacks.
    public var logName: String {
        switch self {
        case .bfgs: "BFGS"
        case .lbfgs: "LBFGS"
        case .fire: "FIRE"
        case .fire2: "FIRE2"
        case .safeBFGS: "SafeBFGS"
        case .sqnm: "SQNM"
        }
    }

    /// Whether the method keeps a velocity. A velocity is meaningless for atoms that have just been released.
    var hasVelocity: Bool { self == .fire || self == .fire2 }
    public var hasHessian: Bool { self == .bfgs || self == .safeBFGS }
}

/// An optimiser that derives each displacement from positions and forces alone, without energies or a line search.
///
/// Vectors contain the coordinates of the atoms that may move, 3 per atom, Å and eV/Å; the forces on temporarily fixed
/// atoms are zero.
protocol Optimizer: Sendable {
    /// Learns from a completed step: along its displacement s, the gradient changed by y = −ΔF.
    mutating func learn(_ s: [Double], _ y: [Double])

    /// Returns the displacement from a geometry with the forces `f`, Å.
    ///
    /// - Parameter forces: computes the forces after a trial displacement from here; called only by methods that need
    ///   them.
    mutating func displacement(
        _ f: [Double], forces: ([Double]) throws -> [Double]
    ) throws -> [Double]

    /// Replays a step that was taken before a restart: updates the state as ``displacement(_:forces:)`` does, without
    /// the work that only the displacement needs.
    mutating func pass(_ f: [Double], forces: ([Double]) throws -> [Double]) throws
}

extension Optimizer {
    mutating func learn(_ s: [Double], _ y: [Double]) {}

    mutating func pass(_ f: [Double], forces: ([Double]) throws -> [Double]) throws {
        _ = try displacement(f, forces: forces)
    }
}

extension OptimizerKind {
    /// - Parameter hessian: the initial Hessian; used only by methods with a Hessian.
    func make(maxStep: Double, hessian: Matrix) -> any Optimizer {
        switch self {
        case .bfgs: BFGS(maxStep: maxStep, hessian: hessian, isDamped: false)
        case .safeBFGS: BFGS(maxStep: maxStep, hessian: hessian, isDamped: true)
        case .lbfgs: LBFGS(maxStep: maxStep)
        case .fire: FIRE(maxStep: maxStep)
        case .fire2: FIRE2(maxStep: maxStep)
        case .sqnm: SQNM(maxStep: maxStep)
        }
    }
}

/// Shortens the displacement of all atoms by the same factor if one atom would move further than `maxStep`.
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

import LinearAlgebra

/// The methods that a relaxation can use. BFGS, LBFGS, FIRE and FIRE2 are those of ASE 3.29.
public enum OptimizerKind: String, Sendable, Codable, CaseIterable {
    case bfgs, lbfgs, fire, fire2
    /// Stabilised quasi-Newton, for forces with noise in them.
    case sqnm
    /// BFGS whose matrix stays positive definite: Powell's damping.
    case safeBFGS = "safe-bfgs"

    /// As ASE's logs name it, or would.
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

    /// Moves by a velocity, which means nothing for atoms that were fixed a moment ago.
    var hasVelocity: Bool { self == .fire || self == .fire2 }
    public var hasHessian: Bool { self == .bfgs || self == .safeBFGS }
}

/// Decides where to go from positions and forces alone: no energies, no line search.
///
/// Vectors hold the coordinates of the atoms that may move, 3 per atom, Å and eV/Å; the forces on
/// temporarily fixed atoms are zero.
protocol Optimizer: Sendable {
    /// Takes in that along the displacement s, which was really made, the gradient changed by y = −ΔF.
    mutating func learn(_ s: [Double], _ y: [Double])

    /// Returns the displacement from a geometry with the forces `f`, Å.
    ///
    /// - Parameter forces: the forces after another displacement from here; a method that needs none never
    ///   calls it.
    mutating func displacement(
        _ f: [Double], forces: ([Double]) throws -> [Double]
    ) throws -> [Double]

    /// Goes past a step that was taken before a restart: as ``displacement(_:forces:)``, without what only the
    /// displacement needs.
    mutating func pass(_ f: [Double], forces: ([Double]) throws -> [Double]) throws
}

extension Optimizer {
    mutating func learn(_ s: [Double], _ y: [Double]) {}

    mutating func pass(_ f: [Double], forces: ([Double]) throws -> [Double]) throws {
        _ = try displacement(f, forces: forces)
    }
}

extension OptimizerKind {
    /// - Parameter hessian: of the methods that have one.
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

/// Shortens a displacement of all atoms by one factor if one atom would move further than
/// `maxStep`.
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

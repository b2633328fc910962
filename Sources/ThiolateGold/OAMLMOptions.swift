public import MinimalLearning

/// What can differ between classes.
public struct ClassOptions: Sendable, Equatable, Codable {
    public var direction: DirectionSolver
    /// Å.
    public var sigma2: Double

    public init(direction: DirectionSolver = .paperEq17, sigma2: Double = 0.5) {
        self.direction = direction
        self.sigma2 = sigma2
    }
}

/// Everything that decides what a model learns from given frames; recorded in the model file.
public struct OAMLMOptions: Sendable, Equatable, Codable {
    public var environment = EnvironmentOptions()
    /// Most references of a norm model.
    public var normReferences = 5000
    public var objective = NormObjective.exact
    public var ridge = EMLM.paperRidge
    /// Most references of a direction model.
    public var directionReferences = 2500
    /// Whether alignment successes are learnt too (B_g).
    public var alignmentModel = false
    /// Whether a negative norm counts as zero.
    public var clampNorm = true
    /// Whether predicted projections are limited to [−1, 1].
    public var clipProjections = false
    public var classes = Dictionary(
        uniqueKeysWithValues: AtomClass.allCases.map {
            ($0, ClassOptions(sigma2: $0 == .unitGold ? 0.25 : 0.5))
        })

    /// Other ways to find directions that are tried for every class beside its own: the one with the least
    /// cross-validated error of the force vector stays. Empty: a class keeps its own.
    public var alternatives: [ClassOptions] = []

    /// The paper's final settings.
    public init() {}

    /// What is tried for a class, sorted so that equal σ₂ stand together.
    func candidates(_ atomClass: AtomClass) -> [ClassOptions] {
        let others = alternatives.filter { $0 != self[atomClass] }
        return [self[atomClass]]
            + others.filter { $0.sigma2 == self[atomClass].sigma2 }
            + others.filter { $0.sigma2 != self[atomClass].sigma2 }.sorted { $0.sigma2 < $1.sigma2 }
    }

    public subscript(_ atomClass: AtomClass) -> ClassOptions { classes[atomClass] ?? ClassOptions() }
}

public import MinimalLearning

/// Settings that may differ between classes.
public struct ClassOptions: Sendable, Equatable, Codable {
    public var direction: DirectionSolver
    /// Å.
    public var sigma2: Double

    public init(direction: DirectionSolver = .paperEq17, sigma2: Double = 0.5) {
        self.direction = direction
        self.sigma2 = sigma2
    }
}

/// All settings of a training; recorded in the model file.
public struct OAMLMOptions: Sendable, Equatable, Codable {
    public var environment = EnvironmentOptions()
    /// Largest number of references of a norm model.
    public var normReferences = 5000
    public var objective = NormObjective.exact
    public var ridge = EMLM.paperRidge
    /// Largest number of references of a direction model.
    public var directionReferences = 2500
    /// Whether misfits of alignments are learnt too (B_g).
    public var alignmentModel = false
    /// Whether a negative norm counts as zero.
    public var clampNorm = true
    /// Whether predicted projections are limited to [−1, 1].
    public var clipProjections = false
    public var classes = Dictionary(
        uniqueKeysWithValues: AtomClass.allCases.map {
            ($0, ClassOptions(sigma2: $0 == .unitGold ? 0.25 : 0.5))
        })

    /// Alternative methods for directions that are tried for every class; the one with the least
    /// cross-validated error of the force vector is kept. If empty, a class keeps its own.
    public var alternatives: [ClassOptions] = []

    /// The paper's final settings.
    public init() {}

    /// The methods to try for a class, sorted by σ₂.
    func candidates(_ atomClass: AtomClass) -> [ClassOptions] {
        let others = alternatives.filter { $0 != self[atomClass] }
        return [self[atomClass]]
            + others.filter { $0.sigma2 == self[atomClass].sigma2 }
            + others.filter { $0.sigma2 != self[atomClass].sigma2 }.sorted { $0.sigma2 < $1.sigma2 }
    }

    public subscript(_ atomClass: AtomClass) -> ClassOptions { classes[atomClass] ?? ClassOptions() }
}

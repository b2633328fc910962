public import DurableFiles

/// `MANIFEST.json`. It is written last, so a package with a manifest is complete.
public struct HandoffManifest: Sendable, Equatable, Codable {
    /// The version of the package's layout that this program writes and reads.
    public static let currentFormat = 1

    /// The purpose of a file, which determines who may change it.
    public enum Role: String, Sendable, Codable {
        /// The file determines the result, so a package in which it has changed is refused.
        case input
        /// The file starts the calculation. Users may adapt it, but our own runner refuses a package in which it has
        /// changed.
        case launcher
        /// The file is a text for users.
        case help
    }

    public struct File: Sendable, Equatable, Codable {
        public var name: String
        public var role: Role
        public var size: Int
        public var sha256: Digest
    }

    public struct Units: Sendable, Equatable, Codable {
        public var length = "Angstrom"
        public var energy = "eV"
        public var force = "eV/Angstrom"
        public var hessian = "eV/Angstrom^2"
    }

    public var format = currentFormat
    public var job: String
    /// Number of the stage in the job, as the caller counts stages.
    public var stage: Int
    public var attempt: Int
    public var engine: String
    /// SHA-256 of the output of `sha256sum` for the files with role `input`, ordered by name: lines
    /// `<sha256>  <name>\n`.
    public var inputs: Digest
    public var files: [File]
    public var units = Units()
    /// Names of the files that the result should have, in the order in which they are written. The last one,
    /// `DONE.json`, shows that the result is complete.
    public var expected: [String]
    public var origin: GeometryOrigin

    /// Whether energies and forces of several geometries are requested instead of a relaxation.
    var isSinglePoints: Bool { files.contains { $0.name == "frames.extxyz" } }

    /// Returns the digest for ``inputs`` from the files of a package.
    static func inputDigest(_ files: [File]) -> Digest {
        let lines = files.filter { $0.role == .input }.sorted { $0.name < $1.name }
            .map { "\($0.sha256.hexadecimal)  \($0.name)\n" }
        return Digest(of: Array(lines.joined().utf8))
    }
}

/// The origin of a package's geometry.
public struct GeometryOrigin: Sendable, Equatable, Codable {
    /// Text for users: `the job's own structure` or `stage 1 (ml), step 37`.
    public var description: String
    /// The model or engine of the ML stage that the geometry comes from; nil if it does not come from an ML stage.
    public var model: String?
    public var modelVersion: String?
    public var levelOfTheory: String?
    /// Number of steps of the stage that the geometry comes from; nil for the job's own structure.
    public var steps: Int?
    /// Largest force on an atom at the end of that stage, eV/Å; nil for the job's own structure.
    public var fmax: Double?

    enum CodingKeys: String, CodingKey {
        case description, model
        case modelVersion = "model_version"
        case levelOfTheory = "model_level_of_theory"
        case steps, fmax
    }

    public init(
        description: String, model: String? = nil, modelVersion: String? = nil,
        levelOfTheory: String? = nil, steps: Int? = nil, fmax: Double? = nil
    ) {
        self.description = description
        self.model = model
        self.modelVersion = modelVersion
        self.levelOfTheory = levelOfTheory
        self.steps = steps
        self.fmax = fmax
    }
}

public import DurableFiles

/// `MANIFEST.json`. It is written last, so a package with a manifest is complete.
public struct HandoffManifest: Sendable, Equatable, Codable {
    /// The version of the package's layout that this program writes and reads.
    public static let currentFormat = 1

    /// The purpose of a file, which determines who may change it.
    public enum Role: String, Sendable, Codable {
        /// Determines the result, so a package with a changed input is refused.
        case input
        /// Starts the calculation. The user may adapt it, but our own runner refuses a changed launcher.
        case launcher
        /// Text for users.
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
    /// Number of the stage in the job, in the caller's counting.
    public var stage: Int
    public var attempt: Int
    public var engine: String
    /// SHA-256 of the lines `<sha256>  <name>\n` of the files with role `input`, ordered by name:
    /// the output of `sha256sum`.
    public var inputs: Digest
    public var files: [File]
    public var units = Units()
    /// The expected files of the result in the order in which they are written; the last one is the marker.
    public var expected: [String]
    public var origin: GeometryOrigin

    /// Whether energies and forces of several geometries are requested instead of a relaxation.
    var isSinglePoints: Bool { files.contains { $0.name == "frames.extxyz" } }

    /// Returns the digest ``inputs`` of these files.
    static func inputDigest(_ files: [File]) -> Digest {
        let lines = files.filter { $0.role == .input }.sorted { $0.name < $1.name }
            .map { "\($0.sha256.hexadecimal)  \($0.name)\n" }
        return Digest(of: Array(lines.joined().utf8))
    }
}

/// The origin of a package's geometry.
public struct GeometryOrigin: Sendable, Equatable, Codable {
    /// Text for users: `job's structure` or `stage 1 (ml), step 37`.
    public var description: String
    /// Name, kind and version of the force field that relaxed it; nil for an unrelaxed geometry.
    public var model: String?
    public var modelVersion: String?
    public var levelOfTheory: String?
    /// Number of steps and final largest force of that force field, eV/Å.
    public var steps: Int?
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

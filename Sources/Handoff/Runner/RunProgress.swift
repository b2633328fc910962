public import DurableFiles
import FoundationEssentials
import SystemPackage

/// `progress.json`: the progress of a running calculation.
public struct RunProgress: Sendable, Equatable, Codable, CustomStringConvertible {
    public var job: String
    public var stage: Int
    public var attempt: Int
    /// `running`, or the verdict.
    public var state: String
    public var message: String
    public var steps: Int
    public var gradientCalls: Int
    public var scfCycles: Int?
    /// Seconds, including earlier runs of the package.
    public var wallTime: Double
    /// Energy, eV; nil before the first geometry is done.
    public var energy: Double?
    /// Largest force, eV/Å; nil before the first geometry is done.
    public var fmax: Double?
    /// Digest of the package's inputs; nil in files that do not have it.
    public var inputs: Digest?

    enum CodingKeys: String, CodingKey {
        case job, stage, attempt, state, message, steps
        case gradientCalls = "gradient_calls"
        case scfCycles = "scf_cycles"
        case wallTime = "wall_time"
        case energy, fmax, inputs
    }

    /// Nil if the file is missing or unreadable.
    public init?(from result: Directory) throws(FileError) {
        guard let bytes = try result.read("progress.json", limit: 1 << 20),
            let progress = try? JSONDecoder().decode(Self.self, from: Data(bytes))
        else { return nil }
        self = progress
    }

    /// The progress of a package, if it is the one that was handed out, and the run is its own.
    ///
    /// - Parameter published: digest of the manifest; nil if nothing was handed out.
    public init?(of package: Directory, published: Digest?) throws {
        guard let published, let result = try PackageLayout.result(of: package) else { return nil }
        let manifest = try PackageCheck.verify(package, roles: []) { $0 == published }
        try self.init(from: result)
        guard attempt == manifest.attempt, inputs == nil || inputs == manifest.inputs else { return nil }
    }

    /// One line: `step 12  energy -102.949832 eV  fmax 0.7854 eV/Å  1398 s`, or the message if
    /// there is no step yet.
    public var description: String {
        guard let energy, let fmax else { return message }
        return
            "step \(steps)  energy \(decimal(energy, 6)) eV  fmax \(decimal(fmax, 4)) eV/Å  \(decimal(wallTime, 0)) s"
    }
}

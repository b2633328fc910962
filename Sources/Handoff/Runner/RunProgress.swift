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

    enum CodingKeys: String, CodingKey {
        case job, stage, attempt, state, message, steps
        case gradientCalls = "gradient_calls"
        case scfCycles = "scf_cycles"
        case wallTime = "wall_time"
        case energy, fmax
    }

    /// Nil if the file is missing or unreadable.
    public init?(from result: Directory) throws(FileError) {
        guard let bytes = try result.read("progress.json", limit: 1 << 20),
            let progress = try? JSONDecoder().decode(Self.self, from: Data(bytes))
        else { return nil }
        self = progress
    }

    /// One line: `step 12  energy -102.949832 eV  fmax 0.7854 eV/Å  1398 s`, or the message if
    /// there is no step yet.
    public var description: String {
        guard let energy, let fmax else { return message }
        return
            "step \(steps)  energy \(decimal(energy, 6)) eV  fmax \(decimal(fmax, 4)) eV/Å  \(decimal(wallTime, 0)) s"
    }
}

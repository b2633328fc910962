public import DurableFiles
import FoundationEssentials
import SystemPackage

/// `progress.json`: how far a running calculation is, for those who watch.
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
    /// Seconds, those of earlier runs of the package included.
    public var wallTime: Double
    /// eV; nil before the first geometry is done.
    public var energy: Double?
    /// eV/Å; likewise.
    public var fmax: Double?

    enum CodingKeys: String, CodingKey {
        case job, stage, attempt, state, message, steps
        case gradientCalls = "gradient_calls"
        case scfCycles = "scf_cycles"
        case wallTime = "wall_time"
        case energy, fmax
    }

    /// Nil where there is none, or none that can be read.
    public init?(from result: Directory) throws(FileError) {
        guard let bytes = try result.read("progress.json", limit: 1 << 20),
            let progress = try? JSONDecoder().decode(Self.self, from: Data(bytes))
        else { return nil }
        self = progress
    }

    /// One line: `step 12  energy -102.949832 eV  fmax 0.7854 eV/Å  1398 s`, and the message where there is no
    /// step yet.
    public var description: String {
        guard let energy, let fmax else { return message }
        return
            "step \(steps)  energy \(decimal(energy, 6)) eV  fmax \(decimal(fmax, 4)) eV/Å  \(decimal(wallTime, 0)) s"
    }
}

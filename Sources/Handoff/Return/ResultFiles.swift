public import DurableFiles
import FoundationEssentials
import SystemPackage

/// The files of `result/` that the check reads; what else lies there (logs, the engine's own files) is left
/// alone.
public enum ReturnedFile: String, Sendable, Hashable, CaseIterable {
    case trajectory = "trajectory.extxyz"
    case optimizerLog = "optimizer.log"
    case final = "final.extxyz"
    case best = "best.extxyz"
    case status = "status.json"
    /// The marker: last written, so what it names is complete.
    case done = "DONE.json"

    var component: FilePath.Component? { FilePath.Component(rawValue) }

    /// Name of a single point's own file in `result/points/`.
    package static func point(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits + ".extxyz"
    }

    static let required: [ReturnedFile] = [.trajectory, .final, .status, .done]

    /// Reads what the marker names.
    ///
    /// - Returns: nil while there is no marker.
    public static func read(
        from result: Directory, limit: Int = 1 << 30
    ) throws -> [ReturnedFile: [UInt8]]? {
        guard let marker = try result.read("DONE.json", limit: 1 << 20) else { return nil }
        var contents: [ReturnedFile: [UInt8]] = [.done: marker]
        for file in allCases where file != .done {
            guard let name = file.component else { continue }
            contents[file] = try result.read(name, limit: limit)
        }
        return contents
    }
}

/// How a calculation ended.
public enum ResultVerdict: String, Sendable, Codable, CaseIterable {
    case converged
    case stepLimit = "step-limit"
    case notSelfConsistent = "scf-not-converged"
    case notFinite = "non-finite"
    case engineError = "engine-error"
    /// The process died without a word, as often as it may.
    case crashed
    /// Ended on demand; it can go on. Never with a marker.
    case stopped
}

/// `DONE.json`.
struct ResultMarker: Codable {
    struct File: Codable {
        var name: String
        var size: Int
        var sha256: Digest
    }

    var format: Int
    var job: String
    var stage: Int
    var attempt: Int
    var inputs: Digest
    var verdict: ResultVerdict
    var files: [File]
}

/// `status.json`.
struct ResultStatus: Codable {
    struct Units: Codable, Equatable {
        var length: String
        var energy: String
        var force: String
        var time: String

        static let ours = Units(length: "Angstrom", energy: "eV", force: "eV/Angstrom", time: "s")
    }

    var format: Int
    var job: String
    var stage: Int
    var attempt: Int
    var inputs: Digest
    var engine: String
    var levelOfTheory: String?
    var charge: Int
    var verdict: ResultVerdict
    var message: String
    var converged: Bool
    var steps: Int
    var gradientCalls: Int
    var scfCycles: Int?
    var wallTime: Double
    /// Geometries that were asked for, where no path was.
    var points: Int? = nil
    var energy: Double?
    var fmax: Double?
    var ranks: Int?
    var host: String?
    var versions: [String: String]
    var warnings: [String]
    var units: Units

    enum CodingKeys: String, CodingKey {
        case format, job, stage, attempt, inputs, engine
        case levelOfTheory = "level_of_theory"
        case charge, verdict, message, converged, steps
        case gradientCalls = "gradient_calls"
        case scfCycles = "scf_cycles"
        case wallTime = "wall_time"
        case points, energy, fmax, ranks, host, versions, warnings, units
    }
}

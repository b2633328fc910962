public import DurableFiles
import FoundationEssentials
import SystemPackage

/// The files in `result/` that the check reads; other files (logs, the engine's own files) are
/// ignored.
public enum ReturnedFile: String, Sendable, Hashable, CaseIterable {
    case trajectory = "trajectory.extxyz"
    case optimizerLog = "optimizer.log"
    case final = "final.extxyz"
    case best = "best.extxyz"
    case status = "status.json"
    /// The marker: the file that is written last, so the other files are complete when it exists.
    case done = "DONE.json"

    var component: FilePath.Component? { FilePath.Component(rawValue) }

    /// Returns the name of the file of one single point; the file is in `result/points/`.
    package static func point(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits + ".extxyz"
    }

    static let required: [ReturnedFile] = [.trajectory, .final, .status, .done]

    /// Returns the size of a file of the result, bytes, without reading the file.
    ///
    /// - Returns: nil if there is no such file.
    /// - Throws: ``ResultRefusal`` for a file that is not a regular file or is too large, because waiting would not
    ///   help.
    static func size(_ file: ReturnedFile, of result: Directory, limit: Int) throws -> Int? {
        guard let name = file.component, let status = try result.status(of: name) else { return nil }
        guard status.kind == .regular else {
            throw ResultRefusal.unreadable(file.rawValue, reason: "it is not a plain file")
        }
        guard status.size <= limit else {
            throw ResultRefusal.tooLarge(file.rawValue, size: status.size, limit: limit)
        }
        return status.size
    }

    /// Reads the files in `result/` that exist, if the marker `DONE.json` exists.
    ///
    /// - Parameter unread: a file to leave out.
    /// - Returns: nil while the result has no `DONE.json`.
    public static func read(
        from result: Directory, without unread: ReturnedFile? = nil, limit: Int = 1 << 30
    ) throws -> [ReturnedFile: [UInt8]]? {
        guard let marker = try content(.done, of: result, limit: 1 << 20) else { return nil }
        var contents: [ReturnedFile: [UInt8]] = [.done: marker]
        for file in allCases where file != .done && file != unread {
            contents[file] = try content(file, of: result, limit: limit)
        }
        return contents
    }

    /// Reads the result of a package. A file that is larger than a result of this package can be is refused without
    /// reading it.
    ///
    /// - Returns: nil while the result has no `DONE.json`.
    /// - Throws: ``ResultRefusal``, ``PackageRefusal``, `FileError`.
    public static func read(of package: Directory) throws -> [ReturnedFile: [UInt8]]? {
        guard let result = try PackageLayout.result(of: package) else { return nil }
        return try read(from: result, limit: largest(of: package))
    }

    /// Returns the largest size that a file of the package's result can have, bytes: 1 KiB per atom plus 64 KiB, for
    /// each geometry; at least 4 MiB and at most 1 GiB in all.
    static func largest(of package: Directory) throws -> Int {
        struct Asked: Decodable {
            struct Optimizer: Decodable { let max_steps: Int }
            let optimizer: Optimizer?
            let points: Int?
        }
        let bytes = try PackageCheck.content("parameters.json", package)
        let asked = try JSONDecoder().decode(Asked.self, from: Data(bytes))
        let geometry = asked.points == nil ? "initial.extxyz" : "frames.extxyz"
        let line = try PackageCheck.content(geometry, package).prefix { $0 != UInt8(ascii: "\n") }
        let atoms = Int(String(decoding: line.filter { $0 > 0x20 }, as: UTF8.self)) ?? 0
        let geometries = Double(asked.points ?? asked.optimizer?.max_steps ?? 0) + 2
        let size = geometries * (Double(atoms) * 1024 + 65_536)
        return Int(min(max(size, 4_194_304), 1_073_741_824))
    }

    /// Reads a file of the result.
    ///
    /// - Throws: ``ResultRefusal`` for a file that is not a regular file or is too large, because waiting would not
    ///   help.
    private static func content(
        _ file: ReturnedFile, of result: Directory, limit: Int
    ) throws -> [UInt8]? {
        guard let name = file.component, try size(file, of: result, limit: limit) != nil else { return nil }
        return try result.read(name, limit: limit)
    }
}

/// The outcome of a calculation.
public enum ResultVerdict: String, Sendable, Codable, CaseIterable {
    case converged
    case stepLimit = "step-limit"
    case notSelfConsistent = "scf-not-converged"
    case notFinite = "non-finite"
    case engineError = "engine-error"
    /// The calculation crashed as many times in a row as allowed: its processes ended without a result.
    case crashed
    /// The calculation was stopped on request before it wrote the marker, and can be resumed.
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
    /// Processor time of all processes, s; nil if the result lacks it.
    var processorTime: Double? = nil
    /// Number of requested single points; nil for a relaxation.
    var points: Int? = nil
    var energy: Double?
    var fmax: Double?
    var ranks: Int?
    var host: String?
    var versions: [String: String]
    var warnings: [String]
    var units: Units
    /// The optimiser that took the steps, the base force field, and the reason if the requested optimiser did not take
    /// them.
    var optimizer: String? = nil
    var base: String? = nil
    var optimizerNote: String? = nil
    /// Number of relaxation steps on the base force field before the first gradient of the engine.
    var baseSteps: Int? = nil

    enum CodingKeys: String, CodingKey {
        case format, job, stage, attempt, inputs, engine
        case levelOfTheory = "level_of_theory"
        case charge, verdict, message, converged, steps
        case gradientCalls = "gradient_calls"
        case scfCycles = "scf_cycles"
        case wallTime = "wall_time"
        case processorTime = "processor_time"
        case points, energy, fmax, ranks, host, versions, warnings, units
        case optimizer, base
        case optimizerNote = "optimizer_note"
        case baseSteps = "base_steps"
    }
}

import Atomistics
import Foundation
import LinearAlgebra
import Subprocess
import SystemPackage

/// The working files of the measurements, and the processes that measure.
struct Bench {
    /// Folder of files that are kept between runs.
    let folder: String
    /// The first cluster frame of the data, as a separate file.
    let cluster: String
    let clusterFrames = "models/data/au38q-pbe-lcao.extxyz"
    let ringFrames = "models/data/rings-pbe-lcao.extxyz"

    init(folder: String) throws {
        self.folder = folder
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        cluster = folder + "/au38.xyz"
        let first = try ExtXYZ.read(path: clusterFrames)[0]
        try Self.write(Atoms(elements: first.elements, positions: first.positions), to: cluster)
    }

    private static func write(_ atoms: Atoms, to path: String) throws {
        try Data(ExtXYZ.bytes(of: [atoms])).write(to: URL(fileURLWithPath: path))
    }

    /// Returns the file of a frame with 200,000 atoms and forces, which is created once.
    func largeFrame() throws -> String {
        let path = folder + "/200000-atoms.extxyz"
        guard !FileManager.default.fileExists(atPath: path) else { return path }
        var random = SplitMix(seed: 5)
        let elements: [Element] = [.hydrogen, .carbon, .sulfur, .gold]
        var atoms = Atoms(
            elements: (0..<200_000).map { elements[$0 % 4] },
            positions: (0..<200_000).map { _ in random.vector(in: -100...100) })
        atoms.forces = (0..<200_000).map { _ in random.vector(in: -1...1) }
        try Self.write(atoms, to: path)
        return path
    }

    /// Runs a task of this program in a separate process.
    func measure(_ subject: String, _ arguments: [String], repeats: Int = 1, cores: Int? = nil) async throws
        -> Measurement
    {
        try await measurement(
            CommandLine.arguments[0], ["measure", subject] + arguments + ["--repeats", "\(repeats)"],
            cores: cores)
    }

    /// Runs a script of `Benchmarks/peers`.
    func python(_ script: String, _ arguments: [String], cores: Int? = nil) async throws -> Measurement {
        let python = ProcessInfo.processInfo.environment["AURELAX_PYTHON"] ?? "python3"
        return try await measurement(python, ["Benchmarks/peers/" + script] + arguments, cores: cores)
    }

    /// Times one GFN1-xTB gradient by Debian's xtb on all cores, including the start of the process.
    func xtb(repeats: Int) async throws -> Measurement {
        let scratch = folder + "/xtb"
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        var result = Measurement(repeats: 0) {}
        for _ in 0..<repeats {
            let start = ContinuousClock.now
            _ = try await output(
                "xtb", ["../au38.xyz", "--gfn", "1", "--grad", "--norestart"], in: scratch)
            result.seconds.append(start.duration(to: .now) / .seconds(1))
        }
        return result
    }

    private func measurement(_ program: String, _ arguments: [String], cores: Int?) async throws
        -> Measurement
    {
        let text =
            if let cores {
                try await output("taskset", ["-c", "0-\(cores - 1)", program] + arguments)
            } else {
                try await output(program, arguments)
            }
        return try JSONDecoder().decode(
            Measurement.self, from: Data((text.split(separator: "\n").last ?? "").utf8))
    }

    private func output(_ program: String, _ arguments: [String], in folder: String? = nil) async throws
        -> String
    {
        let executable: Executable = program.contains("/") ? .path(FilePath(program)) : .name(program)
        let result = try await Subprocess.run(
            executable, arguments: Arguments(arguments), workingDirectory: folder.map { FilePath($0) },
            output: .string(limit: 1 << 24), error: .currentStandardError)
        guard result.terminationStatus == .exited(0) else {
            throw ExitReason("\(program) \(arguments.joined(separator: " ")): \(result.terminationStatus)")
        }
        return result.standardOutput
    }
}

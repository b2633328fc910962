import Atomistics
import DurableFiles
import Foundation

/// Figures 3 and 4 of the paper for any model: norms of predicted against reference forces, and the
/// angles between them against the norm, coloured by density, one panel per class.
///
/// They are drawn by matplotlib in a separate Python process, from the data of a ``ForceComparison``.
public struct ForcePlots: Sendable {
    private let data: PlotData

    public init(_ comparison: ForceComparison) {
        let evaluation = Evaluation(comparison)
        // A panel for all gold would repeat points if gold has several classes.
        let isSplit = ["core-gold", "unit-gold"].contains { comparison.atoms[$0] != nil }
        data = PlotData(
            title: "\(comparison.model.name), \(counted(comparison.frames, "frame"))",
            classes: comparison.classes.compactMap { name in
                guard name != "Au" || !isSplit, let atoms = comparison.atoms[name],
                    let row = evaluation.rows[name]
                else { return nil }
                return PlotData.Panel(
                    name: name, referenceNorm: atoms.map(\.reference.length),
                    predictedNorm: atoms.map(\.predicted.length), angle: atoms.map(\.angle),
                    normRMSE: row.normRMSE, weightedAngle: row.weightedAngle)
            })
    }

    /// Writes `norms` and `angles`, each as `.svg` and `.png`, and the numbers in them as `plots.json`.
    ///
    /// - Parameters:
    ///   - folder: created if it is missing.
    ///   - python: a Python with matplotlib and SciPy.
    /// - Returns: the files' paths.
    /// - Throws: ``PlotError``, and errors of the file system.
    public func draw(in folder: String, python: String) throws -> [String] {
        let manager = FileManager.default
        try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let scratch = manager.temporaryDirectory.appendingPathComponent("aurelax-plots-\(UUID().uuidString)")
        try manager.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? manager.removeItem(at: scratch) }
        let script = scratch.appendingPathComponent("plot_forces.py")
        try Data(PackageResources.plot_forces_py).write(to: script)
        let numbers = folder + "/plots.json"
        try JSONEncoder.line.encode(data).write(to: URL(fileURLWithPath: numbers))

        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [python, script.path, numbers, folder]
        var environment = ProcessInfo.processInfo.environment
        environment["MPLCONFIGDIR"] = scratch.path
        process.environment = environment
        let complaints = Pipe()
        process.standardError = complaints
        do { try process.run() } catch { throw PlotError(python: python, output: "\(error)") }
        let output = complaints.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw PlotError(python: python, output: String(decoding: output, as: UTF8.self))
        }
        return ["norms", "angles"].flatMap { ["\(folder)/\($0).svg", "\(folder)/\($0).png"] }
    }
}

/// The error that matplotlib failed.
public struct PlotError: Error, Sendable, CustomStringConvertible {
    public var python: String
    /// The output of the Python process on standard error.
    public var output: String

    public var description: String {
        let last = output.split(separator: "\n").last.map(String.init) ?? "no message"
        return "\(python) could not draw the plots: \(last); set AURELAX_PYTHON to a Python with matplotlib "
            + "and SciPy (scripts/setup installs one)"
    }
}

/// The input of the Python script.
private struct PlotData: Codable, Sendable {
    struct Panel: Codable, Sendable {
        var name: String
        /// Norms of the reference forces and of the predicted forces, eV/Å.
        var referenceNorm: [Double]
        var predictedNorm: [Double]
        /// Angles between the predicted and the reference forces, degrees.
        var angle: [Double]
        var normRMSE: Double
        var weightedAngle: Double

        enum CodingKeys: String, CodingKey {
            case name, angle
            case referenceNorm = "reference_norm"
            case predictedNorm = "predicted_norm"
            case normRMSE = "norm_rmse"
            case weightedAngle = "weighted_angle"
        }
    }

    var title: String
    var classes: [Panel]
}

internal import DurableFiles
import Foundation
import SystemPackage
internal import YAMLDocument

/// A table of the cost of DFT that remains after different preparations of the same structures.
///
/// The job that starts from the structure START after the preparation WAY has the name START-WAY. The job with
/// the name START was prepared with the SOAP potential and its Hessian.
public struct RemainingCost: Sendable {
    /// For each preparation, the suffix of the jobs' names and the text in the table.
    private static let ways = [
        ("-raw", "raw"), ("-gfnff", "after GFN-FF"), ("-gfn1", "after GFN1-xTB"),
        ("-oamlm", "after the OAMLM"), ("-oamlm-default", "after the OAMLM, with its default stop"),
        ("-vector", "after the vector kernel"), ("-identity", "after the SOAP potential"),
        ("", "after the SOAP potential, with its Hessian"), ("-hybrid", "hybrid"),
    ]

    /// The result of one job.
    enum Outcome: Sendable {
        /// There is no such job, or it has not ended.
        case notRun
        /// The job failed before its first DFT stage, for example at the geometry gate.
        case refused
        case ended(calls: Int, cycles: Int?, energy: Double, converged: Bool)
    }

    private let starts: [String]
    private let rows: [(way: String, outcomes: [Outcome])]

    /// - Parameters:
    ///   - folder: holds a folder for each job: an outbox, or recorded results.
    ///   - starts: names of the structures, with which the jobs' names begin.
    /// - Throws: errors of damaged files.
    public init(folder: String, starts: [String]) throws {
        self.starts = starts
        rows = try Self.ways.map { suffix, way in
            (way, try starts.map { try Self.outcome(in: FilePath(folder).appending($0 + suffix)) })
        }
    }

    /// A Markdown table with a row for each preparation that a job has used: gradient calls, SCF cycles, and the
    /// final energy minus that of the raw run, eV.
    public var table: String {
        let head = "| gradient calls, SCF cycles, energy | \(starts.joined(separator: " | ")) |"
        let rule = "|---|" + starts.map { _ in "---|" }.joined()
        let raws = rows[0].outcomes
        let lines = rows.indices.compactMap { row -> String? in
            let outcomes = rows[row].outcomes
            guard outcomes.contains(where: \.hasRun) else { return nil }
            let cells = zip(outcomes, raws).map { $0.cell(comparedWith: row == 0 ? nil : $1) }
            return "| \(rows[row].way) | \(cells.joined(separator: " | ")) |"
        }
        return ([head, rule] + lines).joined(separator: "\n") + "\n"
    }

    private static func outcome(in job: FilePath) throws -> Outcome {
        let file = job.appending("summary.yaml").string
        guard let bytes = FileManager.default.contents(atPath: file) else { return .notRun }
        let (root, diagnostics) = YAMLNode.parse(Array(bytes))
        guard let root else {
            throw WorkflowError.notAllowed(
                "\(file) cannot be read: \(diagnostics.first?.message ?? "no YAML")")
        }
        let folders = try StageFolder.last(in: job).filter { $0.kind == .dft }
        if folders.isEmpty, root["state"]?.text == JobState.failed.rawValue { return .refused }
        var costs: [StageCost] = []
        for folder in folders {
            guard let cost = try StageCost(in: StageFolder.files(in: folder.path)) else { return .notRun }
            costs.append(cost)
        }
        // Only stages with GPAW count, because other engines have another level of theory.
        costs = costs.filter { $0.engine == "gpaw" }
        let stages = (root["stages"]?.elements ?? []).filter { $0["engine"]?.text == "gpaw" }
        guard let last = costs.last, let energy = stages.last?["energy"]?.number else { return .notRun }
        let calls = costs.compactMap(\.gradient_calls)
        guard calls.count == costs.count else { return .notRun }
        let cycles = costs.compactMap(\.scf_cycles)
        return .ended(
            calls: calls.reduce(0, +), cycles: cycles.count == costs.count ? cycles.reduce(0, +) : nil,
            energy: energy, converged: last.converged == true)
    }
}

extension RemainingCost.Outcome {
    var hasRun: Bool {
        if case .notRun = self { false } else { true }
    }

    /// - Parameter raw: outcome of the run without preparation; nil if this is that outcome.
    func cell(comparedWith raw: Self?) -> String {
        switch self {
        case .notRun: return "not run"
        case .refused: return "refused"
        case .ended(let calls, let cycles, let energy, let converged):
            var parts = [calls.description] + (cycles.map { [$0.description] } ?? [])
            if case .ended(_, _, let reference, _)? = raw {
                parts.append(String(format: "%+.3f", energy - reference))
            }
            return parts.joined(separator: ", ") + (converged ? "" : " (not converged)")
        }
    }
}

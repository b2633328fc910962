public import Atomistics
import Foundation

/// Several relaxation paths from one structure to its minimum, side by side.
///
/// Only energies at the level of theory of the first job are compared. A model's own energies are never compared.
public struct Comparison: Sendable {
    public let jobs: [ComparedJob]
    public let levelOfTheory: String
    /// The last energy of the first job, eV.
    public let reference: Double
    let deviation: Deviation?

    public struct Row: Sendable, Encodable {
        public let job: String
        /// Steps of the job's stages at other levels of theory, for example `101 steps of thiolate-gold`.
        public let prepared: String
        /// Number of steps at the compared level of theory.
        public let steps: Int
        public let gradientCalls: Int?
        public let scfCycles: Int?
        /// Final energy at the compared level of theory, eV; nil if the job has none.
        public let energy: Double?
        /// Final energy minus the energy of the first job, eV.
        public let difference: Double?
        /// Largest force on an atom that may move, eV/Å.
        public let fmax: Double?
        /// Root mean square deviation of the final structure from the target structure, Å.
        public let rmsd: Double?
        public let verdict: String?
    }

    /// - Parameters:
    ///   - jobs: jobs with the same atoms, at least one.
    ///   - target: the structure from which the final structures' deviations are calculated; nil for no deviations.
    /// - Throws: ``ComparisonError`` if there is nothing to compare.
    public init(_ jobs: [ComparedJob], rmsdTo target: Atoms? = nil) throws(ComparisonError) {
        guard let first = jobs.first else { throw .noJobs }
        guard let level = first.levelOfTheory, let outcome = first.outcome(at: level) else {
            throw .noEnergy(first.name)
        }
        let structures =
            jobs.compactMap { job in
                (job.given ?? job.final).map { (job.name, $0) }
            } + (target.map { [("the structure of --rmsd-to", $0)] } ?? [])
        if let one = structures.first,
            let other = structures.first(where: { $0.1.elements != one.1.elements })
        {
            throw .differentAtoms(one.0, one.1.formula, other.0, other.1.formula)
        }
        (self.jobs, levelOfTheory, reference) = (jobs, level, outcome.energy)
        let mask = jobs.lazy.compactMap { $0.given?.moveMask ?? $0.final?.moveMask }.first
        deviation = target.map { Deviation(from: $0, moving: mask) }
    }

    /// One row per job, in the order of the jobs.
    public var rows: [Row] {
        jobs.map { job in
            let stages = job.stages.filter { $0.levelOfTheory == levelOfTheory && $0.kind == .dft }
            let others = job.stages.filter { $0.kind != .singlePoints && $0.levelOfTheory != levelOfTheory }
            let outcome = job.outcome(at: levelOfTheory)
            func sum(_ counts: [Int?]) -> Int? {
                counts.isEmpty || counts.contains(nil) ? nil : counts.reduce(0) { $0 + ($1 ?? 0) }
            }
            return Row(
                job: job.name,
                prepared: others.map { "\(counted($0.steps, "step")) of \($0.method ?? "a model")" }
                    .joined(separator: ", "),
                steps: stages.reduce(0) { $0 + $1.steps },
                gradientCalls: sum(stages.map(\.gradientCalls)), scfCycles: sum(stages.map(\.scfCycles)),
                energy: outcome?.energy, difference: outcome.map { $0.energy - reference },
                fmax: outcome?.fmax, rmsd: job.final.flatMap { deviation?.rmsd(of: $0) },
                verdict: job.state == "completed" ? nil : job.verdict ?? job.state)
        }
    }

    /// The comparison as Markdown.
    public var table: String {
        func text(_ value: Double?, _ format: String) -> String {
            value.map { String(format: format, $0) } ?? "–"
        }
        func text(_ value: Int?) -> String { value.map(String.init) ?? "–" }
        var head = [
            "job", "before DFT", "DFT steps", "gradient calls", "SCF cycles", "E (eV)", "ΔE (eV)",
            "fmax (eV/Å)",
        ]
        if deviation != nil { head.append("RMSD (Å)") }
        let lines = rows.map { row in
            var cells = [
                row.job, row.prepared.isEmpty ? "–" : row.prepared, text(row.steps), text(row.gradientCalls),
                text(row.scfCycles), text(row.energy, "%.4f"), text(row.difference, "%+.4f"),
                text(row.fmax, "%.3f"),
            ]
            if deviation != nil { cells.append(text(row.rmsd, "%.3f")) }
            return cells
        }
        let table = ([head, head.map { _ in "---" }] + lines).map { "| \($0.joined(separator: " | ")) |" }
        let verdicts = rows.compactMap { row in row.verdict.map { "- \(row.job): \($0)" } }
        return (["Energies: \(levelOfTheory).", ""] + table + (verdicts.isEmpty ? [] : [""] + verdicts))
            .joined(separator: "\n") + "\n"
    }
}

/// The reason why jobs cannot be compared.
public enum ComparisonError: Error, Equatable, CustomStringConvertible {
    case noJobs
    case noEnergy(String)
    case differentAtoms(String, String, String, String)

    public var description: String {
        switch self {
        case .noJobs: "there is no job to compare"
        case .noEnergy(let job):
            "\(job) has no DFT energy to compare the others with"
        case .differentAtoms(let one, let its, let other, let others):
            "\(one) has the atoms \(its), but \(other) has \(others): "
                + "jobs can be compared only if they have the same atoms in the same order"
        }
    }
}

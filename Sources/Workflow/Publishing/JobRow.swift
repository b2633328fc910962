internal import Atomistics
internal import DurableFiles
public import Foundation
internal import JobSpec
import SystemPackage

/// A job as a line of a table of results. Energies and forces of DFT and of models have different names.
public struct JobRow: Sendable, Encodable {
    public var name: String
    public var state: JobState
    public var formula: String?
    public var atoms: Int?
    /// Total charge, e.
    public var charge: Int
    /// Model of the ML stages; nil if there are none.
    public var model: String?
    /// Engine of the last external calculation, with its version.
    public var engine: String?
    public var level: String?
    /// Energy of the last calculation by an engine, eV.
    public var energy: Double?
    /// HOMO–LUMO gap of that calculation, eV.
    public var gap: Double?
    /// Largest force of that calculation, eV/Å.
    public var fmax: Double?
    /// Energy at the end of the last ML stage, eV.
    public var mlEnergy: Double?
    /// Largest force at the end of the last ML stage, eV/Å.
    public var mlFmax: Double?
    public var mlSteps: Int?
    public var steps: Int?
    public var gradientCalls: Int?
    public var scfCycles: Int?
    /// Wall time of the computations, s.
    public var seconds: Double?
    /// Processor time of all processes of the external calculations, s.
    public var processorSeconds: Double?
    /// Root mean square deviation of the last structure from the given one after superposition, Å.
    public var rmsd: Double?
    public var accepted: Date
    public var updated: Date
    public var verdict: String

    enum CodingKeys: String, CodingKey, CaseIterable {
        case name, state, formula, atoms, charge, model, engine, level, energy, gap, fmax
        case mlEnergy = "ml_energy"
        case mlFmax = "ml_fmax"
        case mlSteps = "ml_steps"
        case steps
        case gradientCalls = "gradient_calls"
        case scfCycles = "scf_cycles"
        case seconds
        case processorSeconds = "processor_seconds"
        case rmsd, accepted, updated, verdict
    }

    /// Names of the columns, in their order.
    public static var columns: [String] { CodingKeys.allCases.map(\.rawValue) }

    /// Returns the unit of a column; nil if its values have no unit.
    public static func unit(of column: String) -> String? {
        switch CodingKeys(rawValue: column) {
        case .energy, .gap, .mlEnergy: "eV"
        case .fmax, .mlFmax: "eV/Å"
        case .seconds, .processorSeconds: "s"
        case .rmsd: "Å"
        case .charge: "e"
        default: nil
        }
    }

    /// Returns a column's value as text; empty if there is none.
    public func text(of column: String) -> String {
        func number(_ value: Double?, _ digits: Int) -> String {
            value.map { String(format: "%.\(digits)f", $0) } ?? ""
        }
        func number(_ value: Int?) -> String { value.map(String.init) ?? "" }
        switch CodingKeys(rawValue: column) {
        case .name: return name
        case .state: return state.rawValue
        case .formula: return formula ?? ""
        case .atoms: return number(atoms)
        case .charge: return "\(charge)"
        case .model: return model ?? ""
        case .engine: return engine ?? ""
        case .level: return level ?? ""
        case .energy: return number(energy, 6)
        case .gap: return number(gap, 3)
        case .fmax: return number(fmax, 4)
        case .mlEnergy: return number(mlEnergy, 6)
        case .mlFmax: return number(mlFmax, 4)
        case .mlSteps: return number(mlSteps)
        case .steps: return number(steps)
        case .gradientCalls: return number(gradientCalls)
        case .scfCycles: return number(scfCycles)
        case .seconds: return number(seconds, 1)
        case .processorSeconds: return number(processorSeconds, 1)
        case .rmsd: return number(rmsd, 4)
        case .accepted: return timestamp(accepted)
        case .updated: return timestamp(updated)
        case .verdict: return verdict
        case nil: return ""
        }
    }

    init(_ record: JobRecord, _ stages: [StageRecord], given: Atoms?, final: Atoms?) {
        let job = record.job
        name = job.name
        state = record.machine.state
        verdict = record.machine.reason
        charge = job.charge
        (accepted, updated) = (record.accepted, record.updated)
        (formula, atoms) = (given?.formula, given?.count)
        let ml = stages.filter { $0.report.kind == .ml }.map(\.report)
        let outside = stages.filter { $0.report.kind != .ml }.map(\.report)
        model =
            ml.last?.method
            ?? (job.plan.contains { if case .ml = $0.work { true } else { false } } ? job.model : nil)
        if let last = ml.last { (mlEnergy, mlFmax) = (last.energy, last.verdict.fmax) }
        mlSteps = ml.isEmpty ? nil : ml.reduce(0) { $0 + $1.verdict.steps }
        if let last = outside.last {
            engine = "\(last.method) \(last.version)"
            level = last.levelOfTheory
            (energy, fmax, gap) = (last.energy, last.verdict.fmax, last.electrons?.gap)
            if let point = last.points?.last { (energy, fmax) = (point.energy, point.fmax) }
            steps = outside.filter { $0.points == nil }.reduce(0) { $0 + $1.verdict.steps }
        }
        func sum<Value: AdditiveArithmetic>(_ values: [Value?]) -> Value? {
            let known = values.compactMap(\.self)
            return known.isEmpty ? nil : known.reduce(.zero, +)
        }
        gradientCalls = sum(outside.map(\.gradientCalls))
        scfCycles = sum(outside.map(\.scfCycles))
        seconds = sum(stages.map(\.report.seconds))
        processorSeconds = sum(outside.map(\.processorSeconds))
        if let given, let final { rmsd = (try? Superposition(of: final, on: given))?.rmsd }
    }
}

extension SpoolClient {
    /// Returns the results of the named jobs in the order of the names; without names, those of all jobs in the order
    /// of acceptance.
    ///
    /// - Throws: ``WorkflowError/noSuchJob(_:)``, ``WorkflowError/notTakenIn(_:why:)``.
    public func rows(of names: [String]) throws -> [JobRow] {
        let records =
            try names.isEmpty ? withStore { try $0.jobs() }.sorted { $0.id < $1.id } : names.map(record)
        let blobs = (try? Directory(spool.state.appending("blobs"))).map(BlobStore.init)
        func structure(_ digest: Digest) -> Atoms? {
            guard let bytes = try? blobs?.read(digest) else { return nil }
            return (try? ExtXYZ.frames(in: bytes, label: "structure"))?.last
        }
        return try withStore { store in
            try records.map { record in
                let stages = try store.stages(of: record.id)
                return JobRow(
                    record, stages, given: structure(record.structure),
                    final: stages.last { $0.report.points == nil }.flatMap { structure($0.final) })
            }
        }
    }
}

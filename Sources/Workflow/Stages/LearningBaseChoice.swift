internal import Atomistics
internal import DurableFiles
internal import Engines
import Handoff
internal import JobSpec
import ModelLibrary
import SystemPackage

/// Chooses what the learning relaxation of a calculation outside adds its correction to.
struct LearningBaseChoice {
    let stage: DFTStage
    let record: JobRecord
    let models: LoadedModels
    let engines: SpoolEngines
    /// Python of engines that name none.
    let python: String
    /// The start of the calculation.
    let atoms: Atoms
    /// The stages that have ended.
    let ended: [StageRecord]

    /// Methods that tblite has.
    static let tightBinding = ["GFN1-xTB", "GFN2-xTB"]

    /// - Throws: ``StageFailure`` for an unknown base.
    func base() throws -> LearningBase {
        let name = stage.base
        if name == DFTStage.automaticBase { return automatic() }
        if name == DFTStage.noBase { return .none }
        if Self.tightBinding.contains(name) { return tblite(name, isOptional: false) }
        if let description = engines.current.first(where: { $0.name == name }) { return engine(description) }
        let field: any ForceField
        do {
            field = try models.load(name)
        } catch {
            throw StageFailure("the base ‘\(name)’ is neither a model nor an engine of this spool: \(error)")
        }
        guard field.hasEnergy else {
            throw StageFailure("the base ‘\(name)’ has no energies: it cannot be corrected")
        }
        return model(field, name)
    }

    /// The job's model if it knows the structure, else the spool's first engine that does, else GFN1-xTB.
    private func automatic() -> LearningBase {
        if let field = try? models.load(record.job.model), field.hasEnergy,
            let prediction = try? field.predict(atoms), !prediction.outOfDomain.contains(true)
        {
            return model(field, record.job.model)
        }
        // Never a method that costs as much as the calculation.
        for description in engines.current where description.kind != .dft {
            guard
                let field = try? EngineForceField(
                    description: description, charge: record.job.charge, python: python),
                (try? field.predict(atoms)) != nil
            else { continue }
            return engine(description)
        }
        return stage.engine == .tblite ? .none : tblite("GFN1-xTB", isOptional: true)
    }

    private func model(_ field: any ForceField, _ name: String) -> LearningBase {
        let provenance = field.provenance
        return LearningBase(
            kind: .model, name: name, path: try? models.library.path(of: name), version: provenance.version,
            levelOfTheory: provenance.levelOfTheory,
            relaxFirst: relaxesFirst(provenance.name, provenance.version))
    }

    private func engine(_ description: EngineDescription) -> LearningBase {
        LearningBase(
            kind: .engine, name: description.name, levelOfTheory: description.levelOfTheory,
            engine: description,
            relaxFirst: relaxesFirst(description.name, nil))
    }

    private func tblite(_ name: String, isOptional: Bool) -> LearningBase {
        LearningBase(
            kind: .engine, name: name, levelOfTheory: "tblite \(name)", isOptional: isOptional ? true : nil,
            relaxFirst: relaxesFirst(name, nil))
    }

    /// Not after a calculation, whose geometry is better than the base's, and not after a stage that the base did.
    private func relaxesFirst(_ name: String, _ version: String?) -> Bool? {
        guard stage.baseFirst, !ended.contains(where: { $0.report.kind == .dft }) else { return nil }
        guard let last = ended.last(where: { $0.report.kind == .ml }) else { return true }
        let isSame = version.map { $0 == last.report.version } ?? last.report.method.hasPrefix("\(name) (")
        return isSame ? nil : true
    }
}

extension LearningBaseChoice {
    /// Labelled geometries of an earlier job's last calculation, with the base that it had.
    ///
    /// - Parameter folder: of that job.
    /// - Throws: ``StageFailure`` if it has none of these atoms at this level.
    func learnt(
        from job: JobName, in folder: Directory, _ stages: [StageRecord]
    ) throws -> (base: LearningBase, learnt: [Atoms]) {
        for stage in stages.reversed() where stage.report.kind == .dft {
            let place = StageFolder(job, stage: stage.stage, kind: .dft, attempt: stage.attempt)
            guard let package = try? folder.subdirectory(place.name),
                let accepted = try AcceptedFrames(package: package)
            else { continue }
            let frames = accepted.frames.filter { $0.elements == atoms.elements && $0.energy != nil }
            guard !frames.isEmpty else {
                throw StageFailure(
                    "the job ‘\(job)’ has other atoms, or the same in another order: nothing to learn")
            }
            let parameters = try HandoffExpectation(package: package).parameters
            var base = parameters.optimizer.base ?? LearningBase.none
            base.relaxFirst = base.kind == .none ? nil : relaxesFirst(base.name ?? "", base.version)
            return (base, frames)
        }
        throw StageFailure("the job ‘\(job)’ has no result of a dft stage to learn from")
    }
}

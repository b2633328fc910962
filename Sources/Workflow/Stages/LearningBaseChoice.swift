internal import Atomistics
internal import DurableFiles
internal import Engines
import Foundation
import Handoff
internal import JobSpec
import ModelLibrary
import SystemPackage

/// The choice of the base of a learning relaxation in a package: the model or engine to which the relaxation
/// learns a correction.
struct LearningBaseChoice {
    let stage: DFTStage
    let record: JobRecord
    let models: LoadedModels
    let engines: SpoolEngines
    /// Python for engines whose description names none.
    let python: String
    /// The initial structure of the calculation.
    let atoms: Atoms
    /// The stages of the job that have ended.
    let ended: [StageRecord]

    /// Methods that tblite provides.
    static let tightBinding = ["GFN1-xTB", "GFN2-xTB"]

    /// Returns the base that the stage names.
    ///
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
            throw StageFailure(
                "the base ‘\(name)’ is neither an engine of this spool nor a model that can be loaded: \(error)"
            )
        }
        guard field.hasEnergy else {
            throw StageFailure(
                "the base ‘\(name)’ gives forces without energies, but a learning relaxation needs both; choose another "
                    + "base, or optimizer: bfgs")
        }
        return model(field, name)
    }

    /// Returns the job's model if nearly all of the structure is in the model's domain, else the spool's first
    /// engine that gives forces for the structure, else GFN1-xTB (no base if the stage itself uses tblite).
    private func automatic() -> LearningBase {
        if let field = try? models.load(record.job.model), field.hasEnergy,
            let check = try? DomainCheck(field, atoms), check.isBase
        {
            return model(field, record.job.model)
        }
        // A DFT engine is never chosen, because it costs as much as the calculation.
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

    /// Returns true if the structure is first relaxed on the base. Nil means that it is not: after a
    /// calculation, whose geometry is better than the base's minimum, after an ML stage with the same base,
    /// which has found that minimum already, or if the stage does not want it.
    private func relaxesFirst(_ name: String, _ version: String?) -> Bool? {
        guard stage.baseFirst, !ended.contains(where: { $0.report.kind == .dft }) else { return nil }
        guard let last = ended.last(where: { $0.report.kind == .ml }) else { return true }
        let isSame = version.map { $0 == last.report.version } ?? (record.mlEngine(of: last) == name)
        return isSame ? nil : true
    }
}

extension LearningBaseChoice {
    /// Returns the gradients of an earlier job's last calculation, and the base of that calculation.
    ///
    /// The gradients are read from the model file beside the result, or from the trajectory if there is no model file
    /// because BFGS took the steps.
    ///
    /// - Parameter folder: folder of the earlier job.
    /// - Throws: ``StageFailure`` if the earlier job has no gradients of this composition and charge.
    func learnt(
        from job: JobName, in folder: Directory, _ stages: [StageRecord]
    ) throws -> (base: LearningBase, learnt: [Atoms]) {
        for stage in stages.reversed() where stage.report.kind == .dft {
            let place = StageFolder(job, stage: stage.stage, kind: .dft, attempt: stage.attempt)
            guard try folder.status(of: place.name)?.kind == .directory else { continue }
            let package = try folder.subdirectory(place.name)
            guard let accepted = try AcceptedFrames(package: package) else { continue }
            let parameters = try HandoffExpectation(package: package).parameters
            let known = try model(beside: package)
            var base = parameters.optimizer.base ?? LearningBase.none
            guard base.kind != .none, known.map({ $0.base != nil }) ?? true else {
                throw StageFailure(
                    "base: learnt:\(job) needs a job that learned a correction to a base; \(job) learned without a "
                        + "base, and what it learned holds only near its own geometry")
            }
            let frames = known?.frames ?? accepted.frames.filter { $0.energy != nil && $0.forces != nil }
            let composition = frames.first?.formula ?? "no geometry"
            guard composition == atoms.formula else {
                throw StageFailure(
                    "base: learnt:\(job) needs a job of the same composition; \(job) has \(composition), this job "
                        + "\(atoms.formula)")
            }
            guard parameters.charge == record.job.charge else {
                throw StageFailure(
                    "base: learnt:\(job) needs a job of the same charge; \(job) has charge \(parameters.charge), this "
                        + "job \(record.job.charge)")
            }
            base.relaxFirst = relaxesFirst(base.name ?? "", base.version)
            return (base, frames)
        }
        throw StageFailure("base: learnt:\(job) needs a job with the result of a dft stage; \(job) has none")
    }

    /// Reads the model that a learning relaxation wrote beside its result; nil if there is none.
    private func model(beside package: Directory) throws -> LearntRelaxation? {
        let name = FilePath.Component(plain: LearntRelaxation.fileName)
        guard let result = try PackageLayout.result(of: package), try result.status(of: name) != nil else {
            return nil
        }
        let path = result.path.appending(name)
        do {
            var model = try LearntRelaxation(contentsOf: path.string)
            for index in model.frames.indices { model.frames[index].levelOfTheory = model.levelOfTheory }
            return model
        } catch {
            throw StageFailure("base: learnt: the file \(path) cannot be read: \(error)")
        }
    }
}

internal import Atomistics
internal import DurableFiles
import Handoff
internal import JobSpec
import SystemPackage

/// A relaxation that is computed in a package.
struct DFTStageRun: OutsideStage {
    let package: OutsidePackage
    let stage: DFTStage
    /// The engine's definition for the package; nil for GPAW and tblite, and if only the result is read.
    let engine: PackagedEngine?

    private var record: JobRecord { package.record }

    /// Publishes the package in the job's folder; repeating this changes nothing.
    ///
    /// - Parameters:
    ///   - hessian: returns the optimiser's initial Hessian, eV/Å², 3N×3N, row-major; called if the stage needs it.
    ///   - base: returns the base of a learning relaxation, and the geometries that it learns from first; called if
    ///     the stage needs them.
    /// - Throws: `HandoffRefusal` if the geometry is not suitable.
    func publish(
        _ atoms: Atoms, reference: Atoms, hessian: () throws -> [Double]?,
        base: () throws -> (base: LearningBase, learnt: [Atoms]), origin: GeometryOrigin, in folder: Directory
    ) throws {
        if try self.package.isPublished(in: folder) { return }
        var request = HandoffRequest(
            job: record.job.name, stage: record.machine.stage + 1, attempt: record.machine.attempt,
            atoms: atoms,
            reference: reference, settings: stage, charge: record.job.charge,
            movable: try stage.move.mask(for: atoms), origin: origin)
        request.engine = engine
        request.fixedCoordinates = stage.move.fixedCoordinates(of: atoms)
        // The check comes first, because a Hessian takes minutes and a refused structure needs none.
        try request.check()
        if stage.hessian { request.hessian = try hessian() }
        if stage.usedOptimizer == .learning { (request.base, request.learnt) = try base() }
        if let level = request.learnt.first?.levelOfTheory, let own = request.levelOtherThan(level) {
            throw StageFailure(
                "the earlier job was calculated at ‘\(level)’, but this one will be at ‘\(own)’, so the "
                    + "earlier job's gradients cannot be learnt from. Give both jobs the same settings, or "
                    + "this job another base")
        }
        let package = try HandoffPackage(request)
        try self.package.publish(package.files, package.digest, in: folder)
    }

    func end(in folder: Directory, initial: () throws -> Atoms) throws -> OutsideEnd? {
        guard let (package, stored) = try package.stored(in: folder) else { return nil }
        let result = try ReturnedResult(stored, expecting: HandoffExpectation(package: package))
        return end(result, initial: try initial())
    }

    /// Takes in a result that a user's program wrote into the inbox.
    func end(dropped bytes: [UInt8], in folder: Directory, initial: () throws -> Atoms) throws -> OutsideEnd {
        let package = try package.published(in: folder)
        let result = try ReturnedResult(
            dropped: bytes, named: "\(record.job.name).result.extxyz",
            expecting: HandoffExpectation(package: package))
        return end(result, initial: try initial())
    }

    private func end(_ result: ReturnedResult, initial: Atoms) -> OutsideEnd {
        let best = result.isConverged ? nil : result.best
        guard let final = best ?? result.final else { return .nothing(result.message) }
        let path = result.path
        // The report has the energy and fmax of the geometry that is kept, which need not be the last.
        let place = path.energies.lastIndex { $0 == final.energy } ?? path.energies.indices.last
        let energy = place.map { path.energies[$0] }
        let change = path.energies.first.flatMap { first in energy.map { $0 - first } }
        var report = StageReport(
            kind: .dft,
            verdict: StageVerdict(
                converged: result.isConverged, steps: path.steps, fmax: place.map { path.fmax[$0] },
                text: result.message),
            initialFmax: path.fmax.first, requestedFmax: stage.fmax,
            largestDisplacement: try? Superposition(of: final, on: initial).largestDisplacement,
            energy: energy, energyChange: change, method: result.engine ?? StageReport.notStated,
            version: StageReport.versions(result.versions),
            levelOfTheory: result.levelOfTheory ?? StageReport.notStated,
            warnings: result.notes, seconds: result.wallTime)
        (report.gradientCalls, report.scfCycles) = (result.gradientCalls, result.scfCycles)
        report.electrons = ElectronicProperties(final)
        (report.optimizer, report.optimizerNote) = (result.optimizer, result.optimizerNote)
        (report.base, report.baseSteps) = (result.base, result.baseSteps)
        report.processorSeconds = result.processorTime
        if best != nil { report.finalFile = "best.extxyz" }
        return .report(report, final: ExtXYZ.bytes(of: [final]))
    }
}

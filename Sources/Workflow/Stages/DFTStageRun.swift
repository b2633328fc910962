internal import Atomistics
internal import DurableFiles
import Handoff
internal import JobSpec
import SystemPackage

/// A stage outside: its package goes out, its result comes back.
struct DFTStageRun {
    let store: Store
    let spool: OpenSpool
    let record: JobRecord
    let stage: DFTStage

    private var machine: JobMachine { record.machine }

    var folderName: String {
        Spool.stageFolder(machine.stage, .dft, attempt: machine.attempt).string
    }

    /// Puts the package into the job's folder; doing it again changes nothing.
    ///
    /// - Parameter hessian: that the optimiser starts from, eV/Å², 3N×3N, row-major; asked for where the stage wants one.
    /// - Throws: `HandoffRefusal` where the geometry is not fit for it.
    func publish(
        _ atoms: Atoms, reference: Atoms, hessian: () throws -> [Double]?, origin: GeometryOrigin,
        in folder: Directory
    ) throws {
        // What an earlier start had published is the package, whatever a new one would look like.
        if let known = try store.package(record.id, stage: machine.stage, attempt: machine.attempt),
            let manifest = try? folder.subdirectory(FilePath.Component(plain: known.folder)).read(
                "MANIFEST.json"),
            Digest(of: manifest) == known.digest
        {
            return
        }
        let request = HandoffRequest(
            job: record.job.name, stage: machine.stage + 1, attempt: machine.attempt, atoms: atoms,
            reference: reference, settings: stage, charge: record.job.charge,
            movable: try stage.move.mask(for: atoms),
            hessian: stage.hessian ? try hessian() : nil, origin: origin)
        let package = try HandoffPackage(request)
        try store.intend(
            PackageRecord(
                job: record.id, stage: machine.stage, attempt: machine.attempt, folder: folderName,
                digest: package.digest))
        let publication = try folder.publish(
            package.files, as: FilePath.Component(plain: folderName), staging: spool.staging,
            identity: "MANIFEST.json")
        if case .conflict(let why) = publication {
            throw StageFailure("the package cannot be put in its place: \(why)")
        }
    }

    /// What has come back, or nil while nothing has.
    ///
    /// - Throws: `ResultRefusal` for what is not the result of this package.
    func result(in folder: Directory) throws -> ReturnedResult? {
        let name = FilePath.Component(plain: folderName)
        guard try folder.status(of: name) != nil else {
            throw StageFailure("the package \(folderName) is gone from the outbox")
        }
        let package = try folder.subdirectory(name)
        guard try package.status(of: "result")?.kind == .directory,
            let files = try ReturnedFile.read(from: package.subdirectory("result"))
        else { return nil }
        return try ReturnedResult(files, expecting: HandoffExpectation(package: package))
    }

    func result(dropped bytes: [UInt8], in folder: Directory) throws -> ReturnedResult {
        let package = try folder.subdirectory(FilePath.Component(plain: folderName))
        return try ReturnedResult(
            dropped: bytes, named: "\(record.job.name).result.extxyz",
            expecting: HandoffExpectation(package: package))
    }

    /// Tells whoever may run the package that nobody waits for it.
    func withdraw(in folder: Directory) throws {
        for attempt in 1...machine.attempt {
            let name = Spool.stageFolder(machine.stage, .dft, attempt: attempt)
            guard try folder.status(of: name)?.kind == .directory else { continue }
            let package = try folder.subdirectory(name)
            guard try package.status(of: "CANCELLED") == nil else { continue }
            try package.replace("CANCELLED", Array("nobody waits for the result any more\n".utf8))
        }
    }

    /// The result as the store and the summary keep it; nil where not one geometry was calculated.
    func report(_ result: ReturnedResult, initial: Atoms) -> (report: StageReport, final: [UInt8])? {
        let best = result.isConverged ? nil : result.best
        guard let final = best ?? result.final else { return nil }
        let path = result.path
        // The numbers are those of the geometry that is kept.
        let place = path.energies.lastIndex { $0 == final.energy } ?? path.energies.indices.last
        let energy = place.map { path.energies[$0] }
        let change = path.energies.first.flatMap { first in energy.map { $0 - first } }
        let versions = result.versions.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        var report = StageReport(
            kind: .dft,
            verdict: StageVerdict(
                converged: result.isConverged, steps: path.steps, fmax: place.map { path.fmax[$0] },
                text: result.message),
            initialFmax: path.fmax.first, requestedFmax: stage.fmax,
            largestDisplacement: try? Superposition(of: final, on: initial).largestDisplacement,
            energy: energy, energyChange: change, method: stage.engine.rawValue,
            version: versions.joined(separator: ", "),
            levelOfTheory: result.levelOfTheory ?? "not stated by whoever returned it",
            warnings: result.notes, seconds: result.wallTime)
        (report.gradientCalls, report.scfCycles) = (result.gradientCalls, result.scfCycles)
        if best != nil { report.finalFile = "best.extxyz" }
        return (report, ExtXYZ.bytes(of: [final]))
    }
}

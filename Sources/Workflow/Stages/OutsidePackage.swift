internal import Atomistics
internal import DurableFiles
import Handoff
import SystemPackage

/// A stage that is done outside.
protocol OutsideStage {
    var package: OutsidePackage { get }

    /// What has come back, or nil while nothing has.
    ///
    /// - Parameters:
    ///   - folder: of the job.
    ///   - initial: what the stage began with.
    /// - Throws: `ResultRefusal` for what is not the result of this package.
    func end(in folder: Directory, initial: () throws -> Atoms) throws -> OutsideEnd?
}

/// How a stage outside ended.
enum OutsideEnd {
    case report(StageReport, final: [UInt8])
    /// Not one geometry was calculated: why.
    case nothing(String)
}

/// The package of a job's current stage: it goes out, its result comes back.
struct OutsidePackage {
    let store: Store
    let spool: OpenSpool
    let record: JobRecord

    private var machine: JobMachine { record.machine }

    var folderName: String { folderName(attempt: machine.attempt).string }

    private func folderName(attempt: Int) -> FilePath.Component {
        Spool.stageFolder(machine.stage, machine.stages[machine.stage], attempt: attempt)
    }

    /// Whether it is out. What an earlier start had published is the package, whatever a new one would look like.
    ///
    /// - Parameter folder: of the job.
    func isPublished(in folder: Directory) throws -> Bool {
        guard let known = try store.package(record.id, stage: machine.stage, attempt: machine.attempt),
            let manifest = try? folder.subdirectory(FilePath.Component(plain: known.folder)).read(
                "MANIFEST.json")
        else { return false }
        return Digest(of: manifest) == known.digest
    }

    /// Puts it into the job's folder; doing it again changes nothing.
    ///
    /// - Parameter digest: of the manifest.
    func publish(_ files: [PublishedFile], _ digest: Digest, in folder: Directory) throws {
        try store.intend(
            PackageRecord(
                job: record.id, stage: machine.stage, attempt: machine.attempt, folder: folderName,
                digest: digest))
        let publication = try folder.publish(
            files, as: FilePath.Component(plain: folderName), staging: spool.staging,
            identity: "MANIFEST.json")
        if case .conflict(let why) = publication {
            throw StageFailure("the package cannot be put in its place: \(why)")
        }
    }

    /// Package and files of the result, or nil while there is none.
    func returned(in folder: Directory) throws -> (package: Directory, files: [ReturnedFile: [UInt8]])? {
        let name = FilePath.Component(plain: folderName)
        guard try folder.status(of: name) != nil else {
            throw StageFailure("the package \(folderName) is gone from the outbox")
        }
        let package = try folder.subdirectory(name)
        guard try package.status(of: "result")?.kind == .directory,
            let files = try ReturnedFile.read(from: package.subdirectory("result"))
        else { return nil }
        return (package, files)
    }

    /// Tells whoever may run the package that nobody waits for it.
    func withdraw(in folder: Directory) throws {
        for attempt in 1...machine.attempt {
            let name = folderName(attempt: attempt)
            guard try folder.status(of: name)?.kind == .directory else { continue }
            let package = try folder.subdirectory(name)
            guard try package.status(of: "CANCELLED") == nil else { continue }
            try package.replace("CANCELLED", Array("nobody waits for the result any more\n".utf8))
        }
    }
}

extension StageReport {
    /// Programs and their versions, as they stand in a result.
    static func versions(_ versions: [String: String]) -> String {
        versions.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
}

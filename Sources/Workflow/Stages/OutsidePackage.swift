internal import Atomistics
internal import DurableFiles
import Handoff
import SystemPackage

/// A stage that is computed in a package.
protocol OutsideStage {
    var package: OutsidePackage { get }

    /// Returns the end of the stage; nil while there is no result.
    ///
    /// - Parameters:
    ///   - folder: folder of the job.
    ///   - initial: initial structure of the stage.
    /// - Throws: `ResultRefusal` if the files are not the result of this package.
    func end(in folder: Directory, initial: () throws -> Atoms) throws -> OutsideEnd?

    /// Takes in a result that a user's program wrote into the inbox.
    ///
    /// - Throws: `ResultRefusal`, `PackageRefusal`; ``StageFailure`` if stages of this kind do not accept
    ///   dropped results.
    func end(dropped bytes: [UInt8], in folder: Directory, initial: () throws -> Atoms) throws -> OutsideEnd
}

/// The end of a stage that was computed in a package.
enum OutsideEnd {
    case report(StageReport, final: [UInt8])
    /// No geometry was computed, with the reason.
    case nothing(String)
}

/// The package of a job's current stage: its publication and its result.
struct OutsidePackage {
    let store: Store
    let spool: OpenSpool
    let record: JobRecord

    private var machine: JobMachine { record.machine }

    var place: StageFolder { StageFolder(current: record) }

    /// Returns whether the package is published. A package that the daemon published before a restart stays
    /// valid, even if the daemon would now write another one.
    ///
    /// - Parameter folder: folder of the job.
    func isPublished(in folder: Directory) throws -> Bool {
        guard let known = try store.package(record.id, stage: machine.stage, attempt: machine.attempt) else {
            return false
        }
        let name = FilePath.Component(plain: known.folder)
        guard try folder.status(of: name)?.kind == .directory,
            let manifest = try folder.subdirectory(name).read(PackageLayout.manifest, limit: 1 << 20)
        else { return false }
        return Digest(of: manifest) == known.digest
    }

    /// Publishes the package in the job's folder; repeating this changes nothing.
    ///
    /// - Parameter digest: digest of the manifest.
    func publish(_ files: [PublishedFile], _ digest: Digest, in folder: Directory) throws {
        try store.intend(
            PackageRecord(
                job: record.id, stage: machine.stage, attempt: machine.attempt, folder: place.name.string,
                digest: digest))
        let publication = try folder.publish(
            files, as: place.name, staging: spool.staging,
            identity: "MANIFEST.json")
        if case .conflict(let why) = publication {
            throw StageFailure("the package cannot be published: \(why)")
        }
    }

    /// Opens the package and checks that it is the published one: another package of the same name is refused,
    /// and so is a package that was changed together with its manifest.
    ///
    /// - Throws: `PackageRefusal`, `FileError`.
    func published(in folder: Directory) throws -> Directory {
        let package = try folder.subdirectory(place.name)
        let known = try store.package(record.id, stage: machine.stage, attempt: machine.attempt)?.digest
        _ = try PackageCheck.verify(package, roles: [.input], isPublished: { $0 == known })
        return package
    }

    /// Returns the package and its result, whose trajectory is not read yet; nil while there is no result.
    func stored(in folder: Directory) throws -> (package: Directory, result: StoredResult)? {
        let package = try checked(in: folder)
        return try StoredResult(of: package).map { (package, $0) }
    }

    /// Returns the package and the files of its result; nil while there is no result.
    func returned(in folder: Directory) throws -> (package: Directory, files: [ReturnedFile: [UInt8]])? {
        let package = try checked(in: folder)
        return try ReturnedFile.read(of: package).map { (package, $0) }
    }

    private func checked(in folder: Directory) throws -> Directory {
        guard try folder.status(of: place.name) != nil else {
            throw StageFailure("the package \(place.name) is gone from the outbox")
        }
        return try published(in: folder)
    }

    /// Marks packages as unwanted for machines that may run them: always those of earlier attempts,
    /// and the current one if the job is cancelled or has failed.
    func withdraw(in folder: Directory) throws {
        let isOver = machine.state == .cancelled || machine.state == .failed
        for attempt in 1..<(machine.attempt + (isOver ? 1 : 0)) {
            guard let package = try place.at(attempt: attempt).open(in: folder) else { continue }
            guard try package.status(of: PackageLayout.cancelled) == nil else { continue }
            try package.replace(
                PackageLayout.cancelled, Array("the result is no longer needed\n".utf8))
        }
    }
}

extension StageReport {
    /// The text for a value that a result does not state.
    static let notStated = "not stated"

    /// Returns the programs and their versions, as stated in a result.
    static func versions(_ versions: [String: String]) -> String {
        versions.isEmpty
            ? notStated
            : versions.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
}

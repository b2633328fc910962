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

    /// What a program of the user's has left in the inbox.
    ///
    /// - Throws: `ResultRefusal`, `PackageRefusal`; ``StageFailure`` from a stage whose results do not come that way.
    func end(dropped bytes: [UInt8], in folder: Directory, initial: () throws -> Atoms) throws -> OutsideEnd
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

    var place: StageFolder { StageFolder(current: record) }

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
                job: record.id, stage: machine.stage, attempt: machine.attempt, folder: place.name.string,
                digest: digest))
        let publication = try folder.publish(
            files, as: place.name, staging: spool.staging,
            identity: "MANIFEST.json")
        if case .conflict(let why) = publication {
            throw StageFailure("the package cannot be put in its place: \(why)")
        }
    }

    /// Opens the package and checks that it is the one that was published: another package of the same name, or one that
    /// was changed and signed again, is refused.
    ///
    /// - Throws: `PackageRefusal`, `FileError`.
    func published(in folder: Directory) throws -> Directory {
        let package = try folder.subdirectory(place.name)
        let known = try store.package(record.id, stage: machine.stage, attempt: machine.attempt)?.digest
        _ = try PackageCheck.verify(package, roles: [.input], isPublished: { $0 == known })
        return package
    }

    /// Returns the package and the files of its result, or nil while there is none.
    func returned(in folder: Directory) throws -> (package: Directory, files: [ReturnedFile: [UInt8]])? {
        guard try folder.status(of: place.name) != nil else {
            throw StageFailure("the package \(place.name) is gone from the outbox")
        }
        let package = try published(in: folder)
        guard let files = try ReturnedFile.read(of: package) else { return nil }
        return (package, files)
    }

    /// Tells whoever may run a package that nobody waits for it: of the attempts before this one always, of this one if the
    /// job is cancelled or has failed.
    func withdraw(in folder: Directory) throws {
        let isOver = machine.state == .cancelled || machine.state == .failed
        for attempt in 1..<(machine.attempt + (isOver ? 1 : 0)) {
            guard let package = try place.at(attempt: attempt).open(in: folder) else { continue }
            guard try package.status(of: PackageLayout.cancelled) == nil else { continue }
            try package.replace(
                PackageLayout.cancelled, Array("nobody waits for the result any more\n".utf8))
        }
    }
}

extension StageReport {
    /// Shown for what a result does not say of itself.
    static let notStated = "not stated"

    /// Programs and their versions, as they stand in a result.
    static func versions(_ versions: [String: String]) -> String {
        versions.isEmpty
            ? notStated
            : versions.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
}

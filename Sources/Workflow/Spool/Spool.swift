internal import DurableFiles
import Foundation
public import SystemPackage

/// The three places of a daemon: `inbox/`, where people drop jobs; `outbox/`, where they find what became of
/// them; `.aurelax/`, the daemon's own. Every path under them is made here.
public struct Spool: Sendable {
    public static let environmentVariable = "AURELAX_SPOOL"

    public let root: FilePath

    public init(_ root: FilePath) { self.root = root }

    public var inbox: FilePath { root.appending("inbox") }
    public var outbox: FilePath { root.appending("outbox") }
    /// Mode 0700. On a local file system: locks and the store need one.
    public var state: FilePath { root.appending(".aurelax") }

    public var lock: FilePath { state.appending(lockName) }
    public var database: FilePath { state.appending("jobs.sqlite") }
    let lockName = FilePath.Component(plain: "lock")

    /// The spool in whose outbox this package lies, `<spool>/outbox/<job>/<stage>`, where there is one with a
    /// store.
    public static func containing(package: FilePath) -> Spool? {
        let outbox = package.removingLastComponent().removingLastComponent()
        let spool = Spool(outbox.removingLastComponent())
        guard outbox == spool.outbox, FileManager.default.fileExists(atPath: spool.database.string) else {
            return nil
        }
        return spool
    }

    /// Folder of a job in the outbox.
    public func folder(ofJob name: String) -> FilePath { outbox.appending(name) }

    /// Folders of the outbox that are no job's.
    static let rejected = FilePath.Component(plain: "rejected")

    /// `02-dft`, and `02-dft.2` for a second attempt: what the first one left stays as it was.
    static func stageFolder(_ stage: Int, _ kind: StageKind, attempt: Int = 1) -> FilePath.Component {
        let number = stage + 1 < 10 ? "0\(stage + 1)" : "\(stage + 1)"
        let suffix = attempt > 1 ? ".\(attempt)" : ""
        return FilePath.Component(plain: "\(number)-\(kind.rawValue)\(suffix)")
    }

    /// Opens the spool for the daemon and creates what is missing.
    package func open() throws -> OpenSpool { try OpenSpool(self) }
}

/// The spool's directories, open.
package struct OpenSpool: Sendable {
    package let spool: Spool
    let outbox: Directory
    let rejected: Directory
    let state: Directory
    let blobs: BlobStore
    /// Directories are built here before they are renamed into the outbox.
    let staging: Directory

    init(_ spool: Spool) throws {
        self.spool = spool
        let root = try Directory(spool.root)
        state = try root.makeSubdirectory(".aurelax", mode: 0o700)
        if let kind = try state.unsuitableFileSystem() {
            throw WorkflowError.unsuitableFileSystem(spool.state, kind)
        }
        outbox = try Self.enter(spool.outbox, in: root, "outbox")
        _ = try Self.enter(spool.inbox, in: root, "inbox")
        rejected = try outbox.makeSubdirectory(Spool.rejected)
        staging = try state.makeSubdirectory("staging", mode: 0o755)
        blobs = BlobStore(try state.makeSubdirectory("blobs", mode: 0o700))
    }

    /// A directory that people may have replaced by a link to a bigger disk.
    private static func enter(
        _ path: FilePath, in root: Directory, _ name: FilePath.Component
    ) throws -> Directory {
        if try root.status(of: name)?.kind == .symbolicLink { return try Directory(path) }
        return try root.makeSubdirectory(name)
    }

    /// Opened anew for each scan: somebody may have removed it, renamed it or mounted over it. One that is
    /// gone is made again.
    func openInbox() throws -> Directory { try Self.enter(spool.inbox, in: Directory(spool.root), "inbox") }

    func jobFolder(_ name: String) throws -> Directory {
        try outbox.subdirectory(FilePath.Component(plain: name))
    }
}

extension FilePath.Component {
    /// - Precondition: the text is a plain file name; names from outside are checked before.
    init(plain text: String) {
        guard let component = FilePath.Component(text), component.kind == .regular else {
            preconditionFailure("\(text) is a plain file name")
        }
        self = component
    }
}

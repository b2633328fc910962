internal import DurableFiles
import Foundation
public import SystemPackage

/// The three folders of a daemon: `inbox/`, where users drop jobs; `outbox/`, with the results;
/// `.aurelax/`, the daemon's own. Every path in them is built here.
public struct Spool: Sendable {
    public static let environmentVariable = "AURELAX_SPOOL"

    public let root: FilePath

    public init(_ root: FilePath) { self.root = root }

    public var inbox: FilePath { root.appending("inbox") }
    public var outbox: FilePath { root.appending("outbox") }
    /// The daemon's own folder, with mode 0700. It must be on a local file system because of its locks and the
    /// store.
    public var state: FilePath { root.appending(".aurelax") }

    public var lock: FilePath { state.appending(lockName) }
    public var database: FilePath { state.appending("jobs.sqlite") }
    let lockName = FilePath.Component(plain: "lock")

    /// Returns the spool whose outbox contains a package, `<spool>/outbox/<job>/<stage>`, if that spool has a
    /// store.
    ///
    /// The outbox may be a symbolic link. Then the spool is found from the given path, or from the file
    /// `.aurelax-spool` that the daemon has written into the outbox.
    ///
    /// - Parameter package: the package's path, absolute or relative, with or without links.
    public static func containing(package: String) -> Spool? {
        let given = URL(fileURLWithPath: package).standardized.path
        let resolved = URL(fileURLWithPath: package).resolvingSymlinksInPath().path
        for path in [given, resolved] {
            let outbox = FilePath(path).removingLastComponent().removingLastComponent()
            let spool = Spool(outbox.removingLastComponent())
            if outbox == spool.outbox, spool.hasStore { return spool }
            guard let root = try? String(contentsOfFile: outbox.appending(rootFile).string, encoding: .utf8)
            else { continue }
            let named = Spool(FilePath(root.trimmingCharacters(in: .newlines)))
            let leadsHere =
                URL(fileURLWithPath: named.outbox.string).resolvingSymlinksInPath().path
                == URL(fileURLWithPath: outbox.string).resolvingSymlinksInPath().path
            if named.hasStore, leadsHere { return named }
        }
        return nil
    }

    private var hasStore: Bool { FileManager.default.fileExists(atPath: database.string) }

    /// A file in an outbox that is a symbolic link; it contains the path of the spool.
    static let rootFile = FilePath.Component(plain: ".aurelax-spool")

    /// Returns the folder of a job in the outbox.
    public func folder(ofJob name: String) -> FilePath { outbox.appending(name) }

    /// The folder of the outbox for files that were set aside; unlike other folders there, it belongs to no job.
    static let rejected = FilePath.Component(plain: "rejected")

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
        if try root.status(of: "outbox")?.kind == .symbolicLink {
            let path = URL(fileURLWithPath: spool.root.string).resolvingSymlinksInPath().path + "\n"
            if try outbox.read(Spool.rootFile, limit: 1 << 16) != Array(path.utf8) {
                try outbox.replace(Spool.rootFile, Array(path.utf8))
            }
        }
        _ = try Self.enter(spool.inbox, in: root, "inbox")
        rejected = try outbox.makeSubdirectory(Spool.rejected)
        staging = try state.makeSubdirectory("staging", mode: 0o755)
        blobs = BlobStore(try state.makeSubdirectory("blobs", mode: 0o700))
    }

    /// Opens a directory that users may replace by a link to a larger disk.
    private static func enter(
        _ path: FilePath, in root: Directory, _ name: FilePath.Component
    ) throws -> Directory {
        if try root.status(of: name)?.kind == .symbolicLink {
            return try Directory(path)
        }
        return try root.makeSubdirectory(name)
    }

    /// Opens the inbox for one scan, because the inbox may have been removed, renamed or mounted over since the
    /// last scan. A missing inbox is created again.
    func openInbox() throws -> Directory { try Self.enter(spool.inbox, in: Directory(spool.root), "inbox") }

    func jobFolder(_ name: String) throws -> Directory {
        try outbox.subdirectory(FilePath.Component(plain: name))
    }
}

extension FilePath.Component {
    /// - Precondition: the text is a plain file name; external names are checked before.
    init(plain text: String) {
        guard let component = FilePath.Component(text), component.kind == .regular else {
            preconditionFailure("\(text) is a plain file name")
        }
        self = component
    }
}

internal import DurableFiles
import Foundation
import Glibc
internal import JobSpec
import SystemPackage

/// A check of a spool.
public struct SpoolDoctor: Sendable {
    /// A finding of the check.
    public struct Finding: Sendable, Equatable, Codable {
        public enum Grade: String, Sendable, Codable { case good, note, warning, error }

        public let subject: String
        public let grade: Grade
        public let text: String
        /// The effect of `--repair`; nil if the user has to act.
        public let remedy: String?
        public internal(set) var isRepaired = false
    }

    private let spool: Spool

    private let python: String

    /// - Parameter python: Python for packages that this machine runs, unless the spool's configuration names one.
    public init(_ spool: Spool, python: String = "python3") { (self.spool, self.python) = (spool, python) }

    /// Examines the spool and returns the findings.
    ///
    /// - Parameter repairing: whether to apply the remedies, which is allowed only while no daemon is
    ///   running.
    /// - Throws: ``WorkflowError/noSpool(_:)``; ``WorkflowError/locked(_:)`` if a repair is requested while a
    ///   daemon is running.
    public func examine(repairing: Bool = false) throws -> [Finding] {
        guard FileManager.default.fileExists(atPath: spool.state.string) else {
            throw WorkflowError.noSpool(spool.root)
        }
        let state = try Directory(spool.state)
        let isHeld = try ExclusiveLock.isHeld(spool.lockName, in: state)
        var lock: ExclusiveLock?
        if repairing {
            do {
                lock = try ExclusiveLock(spool.lockName, in: state)
            } catch let held as LockHeld { throw WorkflowError.locked(held) }
        }
        defer { withExtendedLifetime(lock) {} }
        var examination = Examination(
            spool: spool, python: python, state: state, isHeld: isHeld, repairing: repairing)
        try examination.run()
        return examination.findings
    }
}

private struct Examination {
    let spool: Spool
    let python: String
    let state: Directory
    let isHeld: Bool
    let repairing: Bool
    var findings: [SpoolDoctor.Finding] = []

    /// Free space, bytes, below which nothing new should be started.
    private static let enoughSpace = 1 << 30

    mutating func run() throws {
        daemon()
        try executor()
        try places()
        try fileSystem()
        try leftovers()
        try store()
    }

    private mutating func find(
        _ subject: String, _ grade: SpoolDoctor.Finding.Grade, _ text: String, remedy: String? = nil,
        _ repair: (() throws -> Void)? = nil
    ) throws {
        var finding = SpoolDoctor.Finding(subject: subject, grade: grade, text: text, remedy: remedy)
        if repairing, let repair {
            try repair()
            finding.isRepaired = true
        }
        findings.append(finding)
    }

    private mutating func daemon() {
        let health = try? SpoolClient(spool).health()
        let text: String
        switch (isHeld, health?.degraded ?? []) {
        case (false, _): text = "not running"
        case (true, []): text = "running\(health.map { ", process \($0.process)" } ?? "")"
        case (true, let degraded): text = "degraded: \(degraded.joined(separator: "; "))"
        }
        findings.append(
            SpoolDoctor.Finding(
                subject: "daemon", grade: health?.degraded.isEmpty == false ? .warning : .good, text: text,
                remedy: nil))
    }

    private mutating func executor() throws {
        do {
            let check = ExecutorCheck(try SpoolConfiguration.read(of: spool), python: python)
            for problem in check.problems { try find("executor", .error, problem) }
            if check.problems.isEmpty { try find("executor", .good, check.summary) }
        } catch let error as WorkflowError {
            try find("executor", .error, "\(error)")
        }
    }

    private mutating func places() throws {
        let mode = try state.permissions()
        if mode == 0o700 {
            try find(".aurelax", .good, "mode 0700")
        } else {
            try find(
                ".aurelax", .error, "mode \(octal(mode)): others may read or change the daemon's state",
                remedy: "sets mode 0700"
            ) { [state] in try state.setPermissions(0o700) }
        }
        for (name, path) in [("inbox", spool.inbox), ("outbox", spool.outbox)] {
            guard let directory = try? Directory(path) else {
                let root = try Directory(spool.root)
                try find(name, .error, "it is missing", remedy: "creates it") {
                    _ = try root.makeSubdirectory(FilePath.Component(plain: name))
                }
                continue
            }
            let mode = try directory.permissions()
            if access(path.string, W_OK | X_OK) != 0 {
                try find(name, .error, "this user may not write there")
            } else if name == "outbox", mode & 0o002 != 0 {
                try find(
                    name, .error, "mode \(octal(mode)): anybody may write there",
                    remedy: "removes this permission"
                ) {
                    try directory.setPermissions(mode & ~0o002)
                }
            } else {
                try find(name, .good, "mode \(octal(mode))")
            }
        }
    }

    private func octal(_ mode: UInt16) -> String { "0" + String(mode, radix: 8) }

    private mutating func fileSystem() throws {
        if let kind = try state.unsuitableFileSystem() {
            try find("file system", .error, ".aurelax is on \(kind), where locks cannot be trusted")
        } else {
            try find("file system", .good, "local")
        }
        let free = try state.freeSpace()
        let text = ByteCountFormatter.string(fromByteCount: Int64(free), countStyle: .file) + " free"
        try find("space", free < Self.enoughSpace ? .warning : .good, text)
    }

    /// Finds incomplete files of a killed process. A running daemon may have such files at any
    /// time.
    private mutating func leftovers() throws {
        var places = [("outbox", spool.outbox), ("outbox/rejected", spool.outbox.appending(Spool.rejected))]
        for name in ["staging", "blobs"] { places.append((".aurelax/\(name)", spool.state.appending(name))) }
        if let outbox = try? Directory(spool.outbox) {
            for name in try outbox.names() where name != Spool.rejected {
                places.append(("outbox/\(name.escaped)", spool.outbox.appending(name)))
            }
        }
        var count = 0
        for (name, path) in places {
            guard !isHeld, let directory = try? Directory(path) else { continue }
            let left = try directory.temporaries()
            guard !left.isEmpty else { continue }
            count += left.count
            try find(
                name, .warning, "\(left.count) half-written files of a process that was killed",
                remedy: "removes them"
            ) { try directory.removeTemporaries() }
        }
        if count == 0 {
            try find("leftovers", .good, isHeld ? "not checked, because a daemon is running" : "none")
        }
    }

    private mutating func store() throws {
        let store: Store
        do {
            guard FileManager.default.fileExists(atPath: spool.database.string) else {
                let isEmpty = try BlobStore(state.makeSubdirectory("blobs", mode: 0o700)).isEmpty()
                try find(
                    "store", isEmpty ? .note : .error,
                    isEmpty
                        ? "there is no store yet"
                        : "it is missing, although jobs were accepted; `aurelax recover` rebuilds it")
                return
            }
            store = try Store(spool.database, verifying: true)
        } catch let error as WorkflowError {
            try find("store", .error, "\(error); `aurelax recover` rebuilds it from the outbox")
            return
        }
        let jobs = try store.jobs()
        try find("store", .good, "sound, \(jobs.count) \(jobs.count == 1 ? "job" : "jobs")")
        try outbox(jobs, store)
        try packages(jobs, store)
        try blobs(jobs, store)
    }

    /// Finds jobs that the store does not know or knows in an earlier state than the outbox. This happens
    /// if the store was restored from a backup that is older than the outbox.
    private mutating func outbox(_ jobs: [JobRecord], _ store: Store) throws {
        guard let outbox = try? Directory(spool.outbox) else { return }
        let known = Dictionary(jobs.map { ($0.job.name, $0) }) { $1 }
        for name in try outbox.names() where name != Spool.rejected {
            guard let folder = try? outbox.subdirectory(name),
                let bytes = try? folder.read(FilePath.Component(plain: JobCopy.file), limit: 64 << 20),
                let copy = try? JobCopy(bytes), copy.job.name == name.string
            else { continue }
            let remedy =
                "if the store was restored from an older copy, stop the daemon and run `aurelax recover`"
            if let record = known[copy.job.name] {
                // A running daemon may be ahead of the data read from the store.
                guard !isHeld, try copy.isNewer(than: record, in: store) else { continue }
                try find(
                    "outbox/\(name.escaped)", .error,
                    "the outbox has a later state of this job than the store; \(remedy)")
            } else {
                try find(
                    "outbox/\(name.escaped)", .error,
                    "the store does not know this job; \(remedy)")
            }
        }
    }

    /// Checks that handed-out packages exist, and that no other folder looks like a package.
    private mutating func packages(_ jobs: [JobRecord], _ store: Store) throws {
        var count = 0
        for job in jobs {
            var known: Set<String> = []
            for package in try store.packages(of: job.id) {
                known.insert(package.folder)
                count += 1
                let subject = "outbox/\(job.job.name)/\(package.folder)"
                let folder = try? Directory(spool.folder(ofJob: job.job.name).appending(package.folder))
                // An ML stage on another machine has its task instead of a manifest.
                let isML = job.machine.stages[package.stage] == .ml
                let manifest = try folder?.digest(of: isML ? StageTask.file : "MANIFEST.json")?.digest
                if manifest == package.digest { continue }
                let isCurrent = job.machine.stage == package.stage && job.machine.attempt == package.attempt
                guard isCurrent, job.machine.state == (isML ? .running : .waitingForDFT) else {
                    try find(subject, .note, "the package of an ended stage is gone or was changed")
                    continue
                }
                try find(
                    subject, .error,
                    manifest == nil
                        ? "the job waits for its result, and the package has no manifest"
                        : "the job waits for its result, and the package was changed",
                    remedy: folder == nil ? "lets the daemon hand it out again" : nil,
                    folder == nil ? { _ = try store.handOutAgain(job) } : nil)
            }
            let there = (try? Directory(spool.folder(ofJob: job.job.name)).names().map(\.string)) ?? []
            for name in there where looksHandedOut(name) && !known.contains(name) {
                try find(
                    "outbox/\(job.job.name)/\(name)", .warning,
                    "it looks like a package, but the daemon did not hand it out, so it is not run")
            }
        }
        try find("packages", .good, "\(count) handed out")
    }

    private func looksHandedOut(_ name: String) -> Bool {
        StageKind.allCases.contains { $0.isOutside && name.contains("-\($0.rawValue)") }
    }

    private mutating func blobs(_ jobs: [JobRecord], _ store: Store) throws {
        let blobs = BlobStore(try state.makeSubdirectory("blobs", mode: 0o700))
        var damaged = 0
        for job in jobs {
            for digest in try [job.structure] + store.stages(of: job.id).map(\.final) {
                do {
                    if try blobs.read(digest) != nil { continue }
                    try find(job.job.name, .error, "its structure \(digest) is gone")
                } catch let error as BlobDamaged {
                    try find(job.job.name, .error, error.description)
                }
                damaged += 1
            }
        }
        if damaged == 0 { try find("structures", .good, "all unchanged") }
    }
}

extension Store {
    /// Resets a job whose package was removed while the job waited: the stage starts again with the same
    /// package.
    func handOutAgain(_ job: JobRecord) throws -> JobRecord? {
        guard try apply(.pause, to: job.id) != nil else { return nil }
        return try apply(.resume, to: job.id)
    }
}

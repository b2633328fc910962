public import DurableFiles
import FoundationEssentials
public import SystemPackage

/// Runs the packages in an outbox that jobs wait for, one at a time, in the order in which the caller lists them.
///
/// The next package is chosen after each run, so a new one with a higher priority goes first. A package that was
/// refused or stopped by hand is tried again only after a change of its manifest, its `parameters.json`, its `run.sh`
/// or an unusable `result`. A package that crashed is restarted after delays that increase, and given up after
/// ``Options/maxCrashes`` crashes.
public struct PackageServer: Sendable {
    public struct Options: Sendable, Equatable {
        /// Whether to end when no package is left to run.
        public var once = false
        /// Time between two polls of the outbox.
        public var interval: Duration = .seconds(2)
        /// A package is given up after this number of consecutive starts that gave neither a result nor a further
        /// gradient. The count is kept in the package's `result/`.
        public var maxCrashes = 3
        /// Delay before a crashed package is restarted, multiplied by the number of its crashes.
        public var pause: Duration = .seconds(5)

        public init() {}
    }

    /// An event of the server.
    public struct Event: Sendable, Equatable, CustomStringConvertible {
        public enum Kind: Sendable, Equatable {
            case started
            case progress(RunProgress)
            case ended(RunOutcome)
            case skipped(String)
            /// The package crashed `Options.maxCrashes` times in a row and is not started again. A result with the
            /// verdict `crashed` was written.
            case givenUp
        }

        public let package: FilePath
        public let kind: Kind

        public var description: String {
            switch kind {
            case .started: "\(package.escaped): started"
            case .progress(let progress): "\(package.escaped): \(progress)"
            case .ended(let outcome): "\(package.escaped): \(outcome)"
            case .skipped(let reason): "\(package.escaped): not run: \(reason)"
            case .givenUp: "\(package.escaped): crashed too often; it is not started again"
            }
        }
    }

    private let outbox: FilePath
    private let runner: LocalRunner
    private let options: Options
    private let turns: @Sendable () throws -> [FilePath]
    private let isPublished: @Sendable (Digest) throws -> Bool

    /// - Parameters:
    ///   - turns: returns the folders of the packages that jobs wait for, as `job/stage` in the outbox, in the order in
    ///     which they are to run.
    ///   - isPublished: whether a package with this SHA-256 of `MANIFEST.json`
    ///     (``HandoffPackage/digest``) was handed off; no other package is run.
    public init(
        outbox: FilePath, runner: LocalRunner, options: Options = Options(),
        turns: @escaping @Sendable () throws -> [FilePath],
        isPublished: @escaping @Sendable (Digest) throws -> Bool
    ) {
        self.outbox = outbox
        self.runner = runner
        self.options = options
        self.turns = turns
        self.isPublished = isPublished
    }

    /// Runs until the task is cancelled.
    public func run(report: @escaping @Sendable (Event) -> Void) async throws {
        let clock = ContinuousClock()
        var refused: [FilePath: [FileStatus?]] = [:]
        var next: [FilePath: ContinuousClock.Instant] = [:]
        while !Task.isCancelled {
            let waiting = try waiting().filter { refused[$0.directory.path] != $0.signs }
            let now = clock.now
            guard let package = waiting.first(where: { next[$0.directory.path, default: now] <= now }) else {
                if options.once, waiting.isEmpty { return }
                try? await Task.sleep(for: options.interval)
                continue
            }
            let path = package.directory.path
            next[path] = nil
            let outcome: RunOutcome?
            do {
                outcome = try await start(package.directory, report: report)
            } catch let error as FileError where !error.isFatal {
                // An error of one package must not stop the server.
                report(Event(package: path, kind: .skipped("\(error)")))
                if error.isTransient {
                    next[path] = clock.now + options.pause
                } else {
                    refused[path] = package.signs
                }
                continue
            }
            switch outcome {
            case .finished?, .alreadyFinished?: break
            // Another start would give the same outcome until a user changes the package, so the server waits for a
            // change of its files.
            case .refused?, .stopped?, nil: refused[path] = package.signs
            case .busy?: next[path] = clock.now + options.pause
            case .crashed(let status, let lines)?:
                let count = try countCrash(package.directory)
                if count >= options.maxCrashes {
                    try giveUp(package.directory, .crashed(status: status, lastLines: lines))
                    report(Event(package: path, kind: .givenUp))
                } else {
                    next[path] = clock.now + options.pause * count
                }
            }
        }
    }

    /// Checks and runs a package.
    ///
    /// - Returns: nil if it is not a runnable package.
    private func start(
        _ package: Directory, report: @escaping @Sendable (Event) -> Void
    ) async throws -> RunOutcome? {
        let path = package.path
        do {
            _ = try PackageCheck.verify(package, isPublished: isPublished)
            report(Event(package: path, kind: .started))
            let outcome = try await runner.run(
                package, progress: { report(Event(package: path, kind: .progress($0))) },
                isPublished: isPublished)
            report(Event(package: path, kind: .ended(outcome)))
            return outcome
        } catch let refusal as PackageRefusal {
            report(Event(package: path, kind: .skipped("\(refusal)")))
            return nil
        }
    }

    /// Counts a crash, and returns the number of crashes since the last calculated gradient. The number is kept in a
    /// file, because the server may be restarted in between.
    private func countCrash(_ package: Directory) throws -> Int {
        let result = try PackageLayout.makeResult(of: package)
        let calls = try RunProgress(from: result)?.gradientCalls ?? 0
        let earlier = String(decoding: try result.read(Self.crashes, limit: 64) ?? [], as: UTF8.self)
            .split(whereSeparator: \.isWhitespace).map { Int($0) ?? 0 }
        let hasProgressed = earlier.count > 1 && calls > earlier[1]
        let count = hasProgressed ? 1 : (earlier.first ?? 0) + 1
        try result.replace(Self.crashes, Array("\(count) \(calls)\n".utf8))
        return count
    }

    /// The file that keeps the number of consecutive crashes, and the number of gradient calls at the last crash.
    private static let crashes: FilePath.Component = ".crashes"

    /// Writes a result with the verdict `crashed`, so that the job does not wait for a result any longer.
    private func giveUp(_ package: Directory, _ outcome: RunOutcome) throws {
        let manifest = try PackageCheck.verify(package, roles: [.input])
        let result = try PackageLayout.makeResult(of: package)
        if manifest.isSinglePoints {
            try CrashReport.write(
                "\(outcome)", into: result, of: manifest,
                expecting: try SinglePointsExpectation(package: package))
        } else {
            try CrashReport.write(
                "\(outcome)", into: result, of: manifest,
                expecting: try HandoffExpectation(package: package))
        }
        try result.remove(Self.crashes)
    }

    /// Returns the status of a file. Returns nil for a directory, because its status changes whenever a run writes into
    /// it.
    private static func lasting(_ status: FileStatus??) -> FileStatus? {
        guard let status = status.flatMap(\.self), status.kind != .directory else { return nil }
        return status
    }

    private struct Waiting {
        let directory: Directory
        /// The status of each file that a user may change to repair a refused package.
        let signs: [FileStatus?]
    }

    /// Returns the packages that are complete and have no result, in the order in which they are to run.
    private func waiting() throws -> [Waiting] {
        // The daemon may not have created the outbox yet.
        guard FileManager.default.fileExists(atPath: self.outbox.string) else { return [] }
        let outbox = try Directory(self.outbox)
        return try turns().compactMap { path in
            // Entries that do not exist, or that cannot be opened as folders, are ignored.
            guard let package = try? path.components.reduce(outbox, { try $0.subdirectory($1) }),
                let manifest = try? package.status(of: "MANIFEST.json"), manifest.kind == .regular,
                try package.status(of: "CANCELLED") == nil
            else { return nil }
            // A result that cannot be read does not exclude its package here: the package is refused, with the reason,
            // when it is started.
            if (try? PackageLayout.hasResult(package)) == true { return nil }
            let names: [FilePath.Component] = [PackageLayout.result, "parameters.json", "run.sh"]
            return Waiting(
                directory: package,
                signs: [manifest] + names.map { Self.lasting(try? package.status(of: $0)) })
        }
    }
}

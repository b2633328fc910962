public import DurableFiles
import FoundationEssentials
public import SystemPackage

/// What a server of packages has to tell.
public struct ServerEvent: Sendable, CustomStringConvertible {
    public enum Kind: Sendable {
        case started
        case ended(RunOutcome)
        case skipped(String)
        /// It crashed as often as it may; its result says so.
        case givenUp
    }

    public let package: FilePath
    public let kind: Kind

    public var description: String {
        switch kind {
        case .started: "\(package.escaped): started"
        case .ended(let outcome): "\(package.escaped): \(outcome)"
        case .skipped(let reason): "\(package.escaped): left alone: \(reason)"
        case .givenUp: "\(package.escaped): given up"
        }
    }
}

extension LocalRunner {
    /// Runs packages as they appear in the folders of an outbox, one at a time, until the task is cancelled.
    ///
    /// A package is looked at again only after its manifest changed, where it was refused; one that crashed
    /// is started again, later each time, and is given up after ``Options/maxCrashes``.
    ///
    /// - Parameters:
    ///   - once: end when nothing is left to run.
    ///   - interval: between two looks at the outbox.
    public func serve(
        _ outbox: FilePath, once: Bool = false, interval: Duration = .seconds(2),
        report: @Sendable (ServerEvent) -> Void
    ) async throws {
        let clock = ContinuousClock()
        var refused: [FilePath: FileStatus] = [:]
        var crashes: [FilePath: (count: Int, next: ContinuousClock.Instant)] = [:]
        while !Task.isCancelled {
            var ran = false
            for package in try Self.waiting(in: try Directory(outbox)) where !Task.isCancelled {
                let path = package.directory.path
                guard refused[path] != package.manifest else { continue }
                if let crash = crashes[path], clock.now < crash.next { continue }
                report(ServerEvent(package: path, kind: .started))
                let outcome: RunOutcome
                do {
                    outcome = try await run(package.directory)
                } catch is CancellationError {
                    outcome = .stopped
                } catch let error as PackageRefusal {
                    refused[path] = package.manifest
                    report(ServerEvent(package: path, kind: .skipped("\(error)")))
                    continue
                }
                report(ServerEvent(package: path, kind: .ended(outcome)))
                switch outcome {
                case .finished, .alreadyFinished: ran = true
                // Somebody stopped it by hand: it stays so for this server.
                case .refused, .stopped: refused[path] = package.manifest
                case .busy: break
                case .crashed:
                    ran = true
                    let count = (crashes[path]?.count ?? 0) + 1
                    crashes[path] = (count, clock.now + .seconds(5 * count))
                    if count >= options.maxCrashes {
                        crashes[path] = nil
                        try giveUp(package.directory, outcome)
                        report(ServerEvent(package: path, kind: .givenUp))
                    }
                }
            }
            if once, !ran, crashes.isEmpty { return }
            if !ran || !crashes.isEmpty { try? await Task.sleep(for: interval) }
        }
    }

    /// Leaves a result that says that there will be none.
    public func giveUp(_ package: Directory, _ outcome: RunOutcome) throws {
        let manifest = try PackageCheck.verify(package, roles: [.input])
        let result = try package.makeSubdirectory("result")
        try CrashReport.write(
            "\(outcome)", into: result, of: manifest,
            expecting: try HandoffExpectation(package: package))
    }

    private struct Waiting {
        let directory: Directory
        let manifest: FileStatus
    }

    /// Complete packages without a result, `<outbox>/<job>/<stage>`, in the order of their names.
    private static func waiting(in outbox: Directory) throws -> [Waiting] {
        var found: [Waiting] = []
        for job in try outbox.names() {
            // What vanishes meanwhile, or is no directory of ours, is none of the server's business.
            guard let folder = try? outbox.subdirectory(job), let stages = try? folder.names() else { continue }
            for stage in stages {
                guard let package = try? folder.subdirectory(stage),
                    let manifest = try? package.status(of: "MANIFEST.json"), manifest.kind == .regular,
                    try package.status(of: "CANCELLED") == nil
                else { continue }
                if let result = try? package.subdirectory("result"), try result.status(of: "DONE.json") != nil {
                    continue
                }
                found.append(Waiting(directory: package, manifest: manifest))
            }
        }
        return found
    }
}

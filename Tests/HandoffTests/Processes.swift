import DurableFiles
import Foundation
import Handoff
import SystemPackage

/// Finds the processes of a package.
enum Processes {
    struct TimedOut: Error {}

    /// Returns the running processes whose working directory is the package's folder.
    static func working(in package: Directory) throws -> [(identifier: pid_t, name: String)] {
        let there = URL(filePath: package.path.string).resolvingSymlinksInPath().path
        let files = FileManager.default
        return try files.contentsOfDirectory(atPath: "/proc").compactMap { entry in
            guard let identifier = pid_t(entry),
                let directory = try? files.destinationOfSymbolicLink(atPath: "/proc/\(entry)/cwd"),
                directory == there,
                let name = try? String(contentsOfFile: "/proc/\(entry)/comm", encoding: .utf8)
            else { return nil }
            return (identifier, name.trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }

    /// Waits at most 10 s for the end of the processes in the package, and returns whether all have ended. The kernel
    /// takes a moment to free a killed process, which then has no environment but still a working directory.
    static func areGone(from package: Directory) async throws -> Bool {
        for _ in 0..<100 {
            if try working(in: package).isEmpty { return true }
            try await Task.sleep(for: .milliseconds(100))
        }
        return false
    }

    /// Returns the number of steps in the package's result; −1 before the first geometry has been calculated.
    static func steps(of package: Directory) throws -> Int {
        guard let result = try? package.subdirectory("result"), let progress = try RunProgress(from: result),
            progress.energy != nil
        else { return -1 }
        return progress.steps
    }

    static func waitForStep(_ step: Int, of package: Directory, limit: Duration = .seconds(120)) async throws
    {
        let end = ContinuousClock.now + limit
        while try steps(of: package) < step {
            guard ContinuousClock.now < end else { throw TimedOut() }
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}

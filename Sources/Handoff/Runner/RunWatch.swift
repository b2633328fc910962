import DurableFiles
import SystemPackage

/// Watches the files of a running calculation: reports its progress, and detects silence.
struct RunWatch: Sendable {
    let result: Directory
    let silence: Duration
    let report: @Sendable (RunProgress) -> Void

    private static let interval: Duration = .milliseconds(500)

    /// Returns after ``silence`` without any writing, or when the task is cancelled, after
    /// reporting the last state.
    func untilSilent() async {
        // Time in which the machine slept does not count as silence.
        let clock = SuspendingClock()
        var last = clock.now
        var seen: [FileStatus?] = []
        var reported = try? RunProgress(from: result)
        func tell() {
            guard let progress = try? RunProgress(from: result), progress != reported else { return }
            reported = progress
            report(progress)
        }
        while !Task.isCancelled {
            let now = signs()
            if now != seen {
                seen = now
                last = clock.now
                tell()
            }
            guard clock.now - last < silence else { return }
            try? await Task.sleep(for: Self.interval)
        }
        tell()
    }

    /// The files that change during a calculation: the SCF log within a step, the others after each
    /// step.
    private func signs() -> [FileStatus?] {
        let names: [FilePath.Component] = ["progress.json", "gpaw.txt", "trajectory.extxyz", "run.log"]
        return names.map { try? result.status(of: $0) }
    }
}

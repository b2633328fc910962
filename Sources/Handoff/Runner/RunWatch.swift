import DurableFiles
import SystemPackage

/// Looks at what a running calculation writes: reports its progress, and notices when it has gone silent.
struct RunWatch: Sendable {
    let result: Directory
    let silence: Duration
    let report: @Sendable (RunProgress) -> Void

    private static let interval: Duration = .milliseconds(500)

    /// Returns when nothing has been written for ``silence``, or when the task is cancelled, the last state
    /// reported.
    func untilSilent() async {
        // Time in which the machine slept is not silence.
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

    /// What changes while a calculation lives: the self-consistency log within a step, the others with each.
    private func signs() -> [FileStatus?] {
        let names: [FilePath.Component] = ["progress.json", "gpaw.txt", "trajectory.extxyz", "run.log"]
        return names.map { try? result.status(of: $0) }
    }
}

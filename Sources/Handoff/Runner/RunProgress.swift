public import DurableFiles
import FoundationEssentials
import SystemPackage

/// `progress.json`: the progress of a running calculation.
public struct RunProgress: Sendable, Equatable, Codable, CustomStringConvertible {
    public var job: String
    public var stage: Int
    public var attempt: Int
    /// `running`, or the verdict of the calculation.
    public var state: String
    public var message: String
    public var steps: Int
    public var gradientCalls: Int
    public var scfCycles: Int?
    /// Duration of the calculation, s, including earlier runs of the package.
    public var wallTime: Double
    /// Energy, eV; nil before the first geometry is done.
    public var energy: Double?
    /// Largest force, eV/Å; nil before the first geometry is done.
    public var fmax: Double?
    /// Digest of the package's inputs; nil if the file does not have it.
    public var inputs: Digest?

    enum CodingKeys: String, CodingKey {
        case job, stage, attempt, state, message, steps
        case gradientCalls = "gradient_calls"
        case scfCycles = "scf_cycles"
        case wallTime = "wall_time"
        case energy, fmax, inputs
    }

    /// Reads `progress.json`; returns nil if the file is missing or unreadable.
    public init?(from result: Directory) throws(FileError) {
        guard let bytes = try result.read("progress.json", limit: 1 << 20),
            let progress = try? JSONDecoder().decode(Self.self, from: Data(bytes))
        else { return nil }
        self = progress
    }

    /// Reads the progress of a package. Returns nil if there is none, or if it belongs to another attempt or to other
    /// inputs.
    ///
    /// - Parameter published: digest of the manifest of the package that was handed off; nil if none was handed off.
    public init?(of package: Directory, published: Digest?) throws {
        guard let published, let result = try PackageLayout.result(of: package) else { return nil }
        let manifest = try PackageCheck.verify(package, roles: []) { $0 == published }
        try self.init(from: result)
        guard attempt == manifest.attempt, inputs == nil || inputs == manifest.inputs else { return nil }
    }

    /// One line: `step 12  energy -102.949832 eV  fmax 0.7854 eV/Å  1398 s`. Before the first step it is the message.
    public var description: String {
        guard let energy, let fmax else { return message }
        return
            "step \(steps)  energy \(decimal(energy, 6)) eV  fmax \(decimal(fmax, 4)) eV/Å  \(decimal(wallTime, 0)) s"
    }
}

/// The progress of self-consistency for the current geometry, from the last part of GPAW's log.
public struct SCFProgress: Sendable, Equatable, CustomStringConvertible {
    /// Number of the current cycle, from 1.
    public var cycle: Int
    /// Mean time of a cycle of this geometry, s; nil before the second cycle.
    public var seconds: Double?

    /// - Parameter log: GPAW's text output, or its last part.
    /// - Returns: nil if the log shows no cycle after the end of the last geometry.
    public init?(log: some StringProtocol) {
        var cycles: [(number: Int, time: Int)] = []
        for line in log.split(whereSeparator: \.isNewline) {
            let words = line.split { $0 == " " || $0 == "|" }
            if words.count >= 3, words[0] == "iter:", let number = Int(words[1]) {
                let clock = words[2].split(separator: ":").compactMap { Int($0) }
                guard clock.count == 3 else { continue }
                if number == 1 { cycles.removeAll() }
                cycles.append((number, clock[0] * 3600 + clock[1] * 60 + clock[2]))
            } else if line.hasPrefix("Converged ") {
                cycles.removeAll()
            }
        }
        guard let first = cycles.first, let last = cycles.last else { return nil }
        cycle = last.number
        if last.number > first.number {
            seconds = Double((last.time - first.time + 86_400) % 86_400) / Double(last.number - first.number)
        }
    }

    /// `SCF cycle 12, 0.3 s each`.
    public var description: String {
        "SCF cycle \(cycle)" + (seconds.map { ", \(decimal($0, 1)) s each" } ?? "")
    }
}

extension RunProgress {
    /// Returns the progress of the run in words, with the current cycle of self-consistency if GPAW's log shows it.
    ///
    /// - Parameter result: the package's folder `result`.
    public func message(in result: Directory) -> String {
        guard state == "running", let log = try? result.end(of: "gpaw.txt", bytes: 1 << 15),
            let scf = SCFProgress(log: String(decoding: log, as: UTF8.self))
        else { return message }
        return steps == 0 && energy == nil ? "first geometry, \(scf)" : "\(message), now \(scf)"
    }
}

/// Watches the files of a running calculation: reports its progress, and detects silence.
struct RunWatch: Sendable {
    let result: Directory
    let silence: Duration
    let report: @Sendable (RunProgress) -> Void

    private static let interval: Duration = .milliseconds(500)

    /// Waits until nothing has been written for ``silence``, or until the task is cancelled. Then reports the last
    /// state and returns.
    func untilSilent() async {
        // The time during which the machine was suspended does not count as silence.
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

    /// Returns the status of the files that change during a calculation. The SCF log changes within a step, the other
    /// files after each step.
    private func signs() -> [FileStatus?] {
        let names: [FilePath.Component] = ["progress.json", "gpaw.txt", "trajectory.extxyz", "run.log"]
        return names.map { try? result.status(of: $0) }
    }
}

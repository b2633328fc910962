public import Atomistics
import Foundation
public import JobSpec

/// A check by GPAW itself of a stage's settings. GPAW calculates each element as a free atom, for two cycles of
/// self-consistency.
public struct GPAWCheck: Sendable {
    /// GPAW's objection to a setting.
    public struct Problem: Sendable, Equatable, Codable {
        /// `xc`, `basis`, `gpaw` or `gpaw.dispersion`: a key of the stage.
        public var key: String
        public var message: String
    }

    /// Name or path of the Python program.
    public var python: String
    /// Longest duration of a check; a check that takes longer is abandoned.
    public var limit: Duration

    public init(python: String, limit: Duration = .seconds(120)) {
        self.python = python
        self.limit = limit
    }

    private struct Question: Encodable {
        var gpaw: HandoffParameters.GPAW
        var symbols: [String]
    }

    /// Returns GPAW's objections to the settings of a stage.
    ///
    /// - Parameter charge: total charge, e.
    /// - Returns: an empty list if there are no objections; nil if GPAW is not installed or does not answer in time.
    public func problems(
        of stage: DFTStage, _ elements: [Element], _ periodicity: Periodicity, charge: Int
    ) throws -> [Problem]? {
        let cycles = HandoffRequest.Options().maxSCFCycles
        guard
            let gpaw = HandoffParameters.GPAW(
                stage, maxSCFCycles: cycles, elements, periodicity, charge: charge)
        else {
            return []
        }
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "aurelax-check-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let question = try JSONEncoder().encode(Question(gpaw: gpaw, symbols: elements.map(\.symbol)))
        let files: [(String, Data)] = [
            ("relaxation.py", Data(PackageResources.relaxation_py)),
            ("gpaw_relax.py", Data(PackageResources.gpaw_relax_py)), ("question.json", question),
            ("answer.json", Data()),
        ]
        for (name, content) in files { try content.write(to: folder.appending(path: name)) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [python, "gpaw_relax.py", "--check"]
        process.currentDirectoryURL = folder
        process.environment = ProcessInfo.processInfo.environment.merging(["OMP_NUM_THREADS": "1"]) { $1 }
        process.standardInput = try FileHandle(forReadingFrom: folder.appending(path: "question.json"))
        process.standardOutput = try FileHandle(forWritingTo: folder.appending(path: "answer.json"))
        process.standardError = FileHandle.nullDevice
        let ended = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in ended.signal() }
        do { try process.run() } catch { return nil }
        if ended.wait(timeout: .now() + Double(limit.components.seconds)) == .timedOut {
            kill(process.processIdentifier, SIGKILL)
            ended.wait()
            return nil
        }
        guard process.terminationStatus == 0,
            let answer = FileManager.default.contents(atPath: folder.appending(path: "answer.json").path)
        else { return nil }
        return try? JSONDecoder().decode([Problem].self, from: answer)
    }
}

import Atomistics
import DurableFiles
import FoundationEssentials
import OrderedCollections
import SystemPackage

/// A result in the place of one that never came, so that whoever waits for it is told.
enum CrashReport {
    /// Cuts the trajectory back to whole frames, keeps its last and its best frame apart, and writes status and
    /// marker with the verdict `crashed`.
    static func write(
        _ message: String, into result: Directory, of manifest: HandoffManifest,
        expecting expected: HandoffExpectation
    ) throws {
        var listed: [ResultMarker.File] = []
        func put(_ file: ReturnedFile, _ bytes: [UInt8]) throws {
            guard let name = file.component else { return }
            try result.replace(name, bytes)
            listed.append(.init(name: file.rawValue, size: bytes.count, sha256: Digest(of: bytes)))
        }

        let checked = wholeFrames(try result.read("trajectory.extxyz") ?? [], expected)
        if let last = checked.last {
            try put(.trajectory, checked.flatMap(\.text))
            try put(.final, last.text)
            if let best = checked.min(by: { $0.frame.energy < $1.frame.energy }) {
                try put(.best, best.text)
            }
        }
        let wallTime = checked.last.flatMap { $0.frame.atoms.info["wall_time"]?.double }
        let status = ResultStatus(
            format: HandoffManifest.currentFormat, job: manifest.job, stage: manifest.stage,
            attempt: manifest.attempt, inputs: manifest.inputs, engine: manifest.engine,
            levelOfTheory: checked.last?.frame.atoms.levelOfTheory, charge: expected.parameters.charge,
            verdict: .crashed, message: message, converged: false, steps: max(checked.count - 1, 0),
            gradientCalls: checked.count, scfCycles: nil, wallTime: wallTime ?? 0,
            energy: checked.last?.frame.energy, fmax: checked.last?.frame.fmax, ranks: nil, host: nil,
            versions: [:], warnings: [], units: .ours)
        try put(.status, try json(status))
        try result.replace(
            "DONE.json",
            try json(
                ResultMarker(
                    format: HandoffManifest.currentFormat, job: manifest.job, stage: manifest.stage,
                    attempt: manifest.attempt, inputs: manifest.inputs, verdict: .crashed, files: listed)))
    }

    /// The frames up to the first that is torn.
    private static func wholeFrames(
        _ bytes: [UInt8], _ expected: HandoffExpectation
    ) -> [(text: [UInt8], frame: CheckedFrame)] {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast()
        let size = expected.symbols.count + 2
        var result: [(text: [UInt8], frame: CheckedFrame)] = []
        for start in stride(from: 0, through: lines.count - size, by: size) {
            let text = lines[start..<start + size].flatMap { Array($0) + [UInt8(ascii: "\n")] }
            guard let atoms = try? ExtXYZ.frames(in: text, label: "trajectory.extxyz"), atoms.count == 1,
                let frame = try? expected.check(atoms[0], file: "trajectory.extxyz", frame: result.count)
            else { break }
            result.append((text, frame))
        }
        return result
    }
}

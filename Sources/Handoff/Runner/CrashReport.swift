import Atomistics
import DurableFiles
import FoundationEssentials
import OrderedCollections
import SystemPackage

/// Writes a result with the verdict `crashed` for a calculation that wrote none, so that the daemon learns of the
/// crash.
enum CrashReport {
    /// Cuts off the trajectory before its first incomplete frame, copies the last frame and the frame of lowest energy
    /// into files of their own, and writes `status.json` and `DONE.json` with the verdict `crashed`.
    static func write(
        _ message: String, into result: Directory, of manifest: HandoffManifest,
        expecting expected: HandoffExpectation
    ) throws {
        var listed: [ResultMarker.File] = []
        let checked = wholeFrames(try result.read("trajectory.extxyz") ?? [], expected)
        if let last = checked.last {
            try put(.trajectory, checked.flatMap(\.text), &listed, in: result)
            try put(.final, last.text, &listed, in: result)
            if let best = checked.min(by: { $0.frame.energy < $1.frame.energy }) {
                try put(.best, best.text, &listed, in: result)
            }
        }
        let status = ResultStatus(
            format: HandoffManifest.currentFormat, job: manifest.job, stage: manifest.stage,
            attempt: manifest.attempt, inputs: manifest.inputs, engine: manifest.engine,
            levelOfTheory: checked.last?.frame.atoms.levelOfTheory, charge: expected.parameters.charge,
            verdict: .crashed, message: message, converged: false, steps: max(checked.count - 1, 0),
            gradientCalls: checked.count, scfCycles: nil,
            wallTime: checked.last.flatMap { $0.frame.atoms.info["wall_time"]?.double } ?? 0,
            energy: checked.last?.frame.energy, fmax: checked.last?.frame.fmax, ranks: nil, host: nil,
            versions: [:], warnings: [], units: .ours)
        try finish(status, &listed, in: result)
    }

    /// Joins the single points that exist, and writes `status.json` and `DONE.json` with the verdict `crashed`.
    static func write(
        _ message: String, into result: Directory, of manifest: HandoffManifest,
        expecting expected: SinglePointsExpectation
    ) throws {
        var listed: [ResultMarker.File] = []
        var texts: [[UInt8]] = []
        var level: String?
        if try result.status(of: "points")?.kind == .directory {
            let points = try result.subdirectory("points")
            for number in expected.geometries.indices.map({ $0 + 1 }) {
                guard let name = FilePath.Component(ReturnedFile.point(number)),
                    let bytes = try points.read(name),
                    let frames = try? ExtXYZ.frames(in: bytes, label: name.string), frames.count == 1,
                    (try? expected.check(frames[0], file: name.string, frame: 0))?.number == number
                else { continue }
                texts.append(bytes)
                level = frames[0].levelOfTheory
            }
        }
        if !texts.isEmpty { try put(.trajectory, Array(texts.joined()), &listed, in: result) }
        let status = ResultStatus(
            format: HandoffManifest.currentFormat, job: manifest.job, stage: manifest.stage,
            attempt: manifest.attempt, inputs: manifest.inputs, engine: manifest.engine,
            levelOfTheory: level, charge: expected.parameters.charge, verdict: .crashed, message: message,
            converged: false, steps: 0, gradientCalls: texts.count, scfCycles: nil, wallTime: 0,
            points: expected.geometries.count, energy: nil, fmax: nil, ranks: nil, host: nil,
            versions: [:], warnings: [], units: .ours)
        try finish(status, &listed, in: result)
    }

    private static func put(
        _ file: ReturnedFile, _ bytes: [UInt8], _ listed: inout [ResultMarker.File], in result: Directory
    ) throws {
        guard let name = file.component else { return }
        try result.replace(name, bytes)
        listed.append(.init(name: file.rawValue, size: bytes.count, sha256: Digest(of: bytes)))
    }

    private static func finish(
        _ status: ResultStatus, _ listed: inout [ResultMarker.File], in result: Directory
    ) throws {
        try put(.status, try json(status), &listed, in: result)
        try result.replace(
            "DONE.json",
            try json(
                ResultMarker(
                    format: status.format, job: status.job, stage: status.stage, attempt: status.attempt,
                    inputs: status.inputs, verdict: status.verdict, files: listed)))
    }

    /// Returns the trajectory's frames before the first incomplete one.
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

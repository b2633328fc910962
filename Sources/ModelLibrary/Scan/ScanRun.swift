import Atomistics
internal import Descriptors
import Dispatch
import DurableFiles
import Foundation
import LinearAlgebra
import Synchronization
import ThiolateGold

/// The progress of a scan.
public struct ScanProgress: Sendable, CustomStringConvertible {
    /// Numbers of finished descriptors, including earlier runs, and of all descriptors.
    public var done: Int
    public var total: Int
    /// The last result; nil before the first one.
    public var last: ScanRecord?
    /// Time of this run, s.
    public var elapsed: Double
    /// Estimated time left, s, by the cost of the remaining descriptors; nil before the first result.
    public var secondsLeft: Double?

    /// A line for the user.
    public var description: String {
        var line = "[\(Int(elapsed)) s] \(done) of \(total) descriptors"
        if let last {
            line += String(
                format: "; r_cut %g, sigma %g, n_max %d, l_max %d took %.1f s", last.descriptor.rCut,
                last.descriptor.sigma, last.descriptor.nMax, last.descriptor.lMax, last.seconds)
        }
        if let left = secondsLeft, done < total {
            line += left < 90 ? "; \(Int(left)) s left" : "; \(Int(left / 60 + 0.5)) min left"
        }
        return line
    }
}

extension Scan {
    /// Default path of the results: beside the scan, `<name>.results.jsonl`.
    public var resultsPath: String { "\(directory)/\(name).results.jsonl" }

    /// Computes the missing results of the scan, on all processors.
    ///
    /// - Parameters:
    ///   - path: path of the results, written line by line; existing ones are not computed again.
    ///   - progress: called from any thread, by one thread at a time.
    /// - Returns: the records of this scan's points, without records of other grids in the file.
    /// - Throws: ``ScanError``, `ExtXYZError`, and errors of the training. Earlier results are
    ///   kept.
    public func run(
        resultsAt path: String? = nil, progress: @Sendable (ScanProgress) -> Void = { _ in }
    ) throws -> [ScanRecord] {
        let data = try structures.map { try ($0.name, frames(of: $0)) }
        return try ScanResultsFile.alone(path ?? resultsPath, name: name, digest: try digest()) { file in
            try run(data, into: file, progress: progress)
        }
    }

    /// Returns the numbers of the parameter sets without results, counted from 1 in the order of ``points``.
    public func missingSets(resultsAt path: String? = nil) throws -> [Int] {
        let points = self.points
        return try ScanResultsFile.alone(
            path ?? resultsPath, name: name, digest: try digest(), patience: 60
        ) { file in
            points.indices.filter { k in !file.records.contains { $0.covers(points[k]) } }.map { $0 + 1 }
        }
    }

    /// Computes one parameter set, while other processes may add to the same results; an existing
    /// result is not computed again.
    ///
    /// - Parameters:
    ///   - number: number of the parameter set, counted from 1 in the order of ``points``.
    ///   - path: path of the results. Nil means ``resultsPath``.
    public func run(set number: Int, resultsAt path: String? = nil) throws -> ScanRecord {
        let points = self.points
        guard points.indices.contains(number - 1) else {
            throw ScanError.noSuchSet(number, count: points.count)
        }
        let point = points[number - 1]
        let digest = try digest()
        func withFile<Result>(_ body: (sending ScanResultsFile) throws -> Result) throws -> Result {
            // An append is quick; only the file system may be slow.
            try ScanResultsFile.alone(
                path ?? resultsPath, name: name, digest: digest, patience: 600, body)
        }
        if let known = try withFile({ $0.records.last { $0.covers(point) } }) { return known }
        let data = try structures.map { try ($0.name, frames(of: $0)) }
        let scratch = Self.scratchPath()
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        let record = try record(of: point, data, scratch: scratch)
        try withFile { file in
            if !file.records.contains(where: { $0.covers(point) }) { try file.append(record) }
        }
        return record
    }

    private static func scratchPath() -> String {
        FileManager.default.temporaryDirectory
            .appendingPathComponent("aurelax-scan-\(UUID().uuidString)").path
    }

    private func run(
        _ data: [(name: String, frames: [Atoms])], into file: sending ScanResultsFile,
        progress: @Sendable (ScanProgress) -> Void
    ) throws -> [ScanRecord] {
        let points = self.points
        let left = points.filter { point in !file.records.contains { $0.covers(point) } }
        let state = Mutex(State(file: file, left: left, done: points.count - left.count))
        let start = ContinuousClock.now
        state.withLock { state in
            progress(state.progress(of: points.count, start))
        }
        DispatchQueue.concurrentPerform(iterations: min(workerCount, max(1, left.count))) { worker in
            let scratch = Self.scratchPath()
            defer { try? FileManager.default.removeItem(atPath: scratch) }
            while let point = state.withLock({ $0.next() }) {
                do {
                    let record = try self.record(of: point, data, scratch: scratch)
                    try state.withLock { state in
                        try state.finish(point, record)
                        progress(state.progress(of: points.count, start))
                    }
                } catch {
                    state.withLock { $0.fail(error) }
                }
            }
        }
        return try state.withLock { state in
            if let failure = state.failure { throw failure }
            return points.compactMap { point in state.file.records.last { $0.covers(point) } }
        }
    }

    private struct State: ~Copyable {
        let file: ScanResultsFile
        private var left: ArraySlice<Point>
        private var done: Int
        private var last: ScanRecord?
        private let cost: Double
        private var costDone = 0.0
        private(set) var failure: (any Error)?

        init(file: sending ScanResultsFile, left: [Point], done: Int) {
            self.file = file
            // The expensive descriptors come first, so that all processors end at about the same time.
            self.left = left.reversed()[...]
            self.done = done
            cost = left.reduce(0) { $0 + $1.cost }
        }

        mutating func next() -> Point? { failure == nil ? left.popFirst() : nil }

        mutating func finish(_ point: Point, _ record: ScanRecord) throws {
            try file.append(record)
            done += 1
            last = record
            costDone += point.cost
        }

        mutating func fail(_ error: any Error) {
            if failure == nil { failure = error }
        }

        func progress(of total: Int, _ start: ContinuousClock.Instant) -> ScanProgress {
            let elapsed = start.duration(to: .now) / .seconds(1)
            return ScanProgress(
                done: done, total: total, last: last, elapsed: elapsed,
                secondsLeft: costDone > 0 ? elapsed * (cost - costDone) / costDone : nil)
        }
    }

    private func record(
        of point: Point, _ data: [(name: String, frames: [Atoms])], scratch: String
    ) throws -> ScanRecord {
        let start = ContinuousClock.now
        var options = self.options
        options.environment.soap = point.soap
        let trial = TransferTrial(options, directions: directions)
        let described = try data.map {
            ($0.name, try DescribedFrames($0.frames, options.environment))
        }
        var entries: [ScanRecord.Entry] = []
        for (train, from) in described {
            for (test, to) in described where test != train {
                for atomClass in point.classes {
                    entries.append(
                        ScanRecord.Entry(
                            train: train, test: test, atomClass: atomClass,
                            score: try trial.run(atomClass, from: from, to: to, scratch: scratch)))
                }
            }
        }
        return ScanRecord(
            descriptor: point.soap, entries: entries, seconds: start.duration(to: .now) / .seconds(1))
    }

    private func path(of structure: Structure) -> String {
        structure.file.hasPrefix("/") ? structure.file : directory + "/" + structure.file
    }

    private func frames(of structure: Structure) throws -> [Atoms] {
        let all = try ExtXYZ.read(path: path(of: structure))
        let used = all.indices.filter { f in structure.frames?.contains { $0.contains(f) } ?? true }
        guard !used.isEmpty else { throw ScanError.noFrames(file: structure.file) }
        for f in used where all[f].levelOfTheory != levelOfTheory {
            throw ScanError.levelOfTheory(
                found: all[f].levelOfTheory, expected: levelOfTheory, file: structure.file, frame: f)
        }
        return used.map { all[$0] }
    }

    /// Returns the digest of everything that determines a record, except the descriptor.
    private func digest() throws -> String {
        var text = "\(levelOfTheory)\n\(directions)\n"
        for structure in structures {
            let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path(of: structure))))
            let frames = structure.frames?.map(\.description).joined(separator: ",") ?? "all"
            text += "\(structure.name) \(frames) \(Digest(of: bytes))\n"
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return "\(Digest(of: Array(text.utf8) + Array(try encoder.encode(options))))"
    }
}

extension Scan.Point {
    /// Cost in arbitrary units: the part that grows with the descriptor's length, and the constant
    /// part.
    fileprivate var cost: Double { Double(classes.count) * (Double(features) + 300) }
}

public import Descriptors
import DurableFiles
import Foundation
import SystemPackage
public import ThiolateGold

/// The result for one descriptor: a line of a results file.
public struct ScanRecord: Sendable, Codable, Equatable {
    public struct Entry: Sendable, Codable, Equatable {
        /// Names of structures: training and test.
        public var train: String
        public var test: String
        public var atomClass: AtomClass
        /// Nil if one of the structures has too few atoms of the class.
        public var score: TransferTrial.Score?

        enum CodingKeys: String, CodingKey {
            case train, test, score
            case atomClass = "class"
        }
    }

    public var descriptor: SOAPSettings
    public var entries: [Entry]
    public var seconds: Double

    /// Returns true if this record has the results of all classes of the point.
    func covers(_ point: Scan.Point) -> Bool {
        descriptor == point.soap
            && Set(point.classes).isSubset(of: Set(entries.map(\.atomClass)))
    }
}

/// An append-only file of JSON lines from which a scan resumes.
///
/// The first line identifies the scan by its name and a digest of everything except the grids, which may be extended.
final class ScanResultsFile {
    private(set) var records: [ScanRecord] = []
    private let file: AppendFile
    private let encoder = JSONEncoder.line

    private struct Head: Codable {
        var aurelaxScan: Int
        var name: String
        var scanDigest: String

        enum CodingKeys: String, CodingKey {
            case name
            case aurelaxScan = "aurelax_scan"
            case scanDigest = "digest"
        }
    }

    /// Opens the file, or creates it. An incomplete last line is removed.
    ///
    /// - Parameter digest: the digest of the data and of all settings except the descriptor.
    /// - Throws: ``ScanError`` if the file is damaged or is not a results file of this scan, and `FileError`.
    init(_ path: String, name: String, digest: String) throws {
        let bytes = [UInt8](FileManager.default.contents(atPath: path) ?? Data())
        let whole = bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let lines = bytes[..<whole].split(separator: UInt8(ascii: "\n"))
        let decoder = JSONDecoder()
        if let first = lines.first {
            guard let head = try? decoder.decode(Head.self, from: Data(first)), head.aurelaxScan == 1 else {
                throw ScanError.notResults(path: path)
            }
            guard head.scanDigest == digest else { throw ScanError.otherScan(path: path) }
        } else if whole < bytes.count, bytes.first != UInt8(ascii: "{") {
            throw ScanError.notResults(path: path)
        }
        for (k, line) in lines.enumerated().dropFirst() {
            do {
                records.append(try decoder.decode(ScanRecord.self, from: Data(line)))
            } catch { throw ScanError.damagedLine(path: path, line: k + 1) }
        }
        let place = FilePath(path)
        guard let component = place.lastComponent else { throw ScanError.notResults(path: path) }
        let folder = place.removingLastComponent()
        let directory = try Directory(folder.isEmpty ? "." : folder)
        file = try AppendFile(component, in: directory, keeping: whole)
        if lines.isEmpty {
            try write(Head(aurelaxScan: 1, name: name, scanDigest: digest))
        }
    }

    /// Appends a record, which is durable when the call returns.
    func append(_ record: ScanRecord) throws {
        try write(record)
        records.append(record)
    }

    private func write(_ value: some Encodable) throws {
        try file.append(Array(try encoder.encode(value)) + [UInt8(ascii: "\n")])
        try file.synchronize()
    }
}

extension ScanResultsFile {
    /// Opens the file and calls a closure with it, while no other process adds to the file.
    ///
    /// - Parameter patience: seconds to wait for another process.
    /// - Throws: `LockHeld` if the other process takes longer.
    static func alone<Result>(
        _ path: String, name: String, digest: String, patience: Double = 0,
        _ body: (sending ScanResultsFile) throws -> Result
    ) throws -> Result {
        let place = FilePath(path)
        guard let component = place.lastComponent,
            let lock = FilePath.Component(".\(component.string).lock")
        else { throw ScanError.notResults(path: path) }
        let folder = place.removingLastComponent()
        let directory = try Directory(folder.isEmpty ? "." : folder)
        let end = Date().addingTimeInterval(patience)
        while true {
            do {
                let held = try ExclusiveLock(lock, in: directory)
                defer { withExtendedLifetime(held) {} }
                return try body(ScanResultsFile(path, name: name, digest: digest))
            } catch let held as LockHeld {
                guard Date() < end else { throw held }
                Thread.sleep(forTimeInterval: 0.2)
            }
        }
    }
}

/// The reason why a valid scan cannot be run.
public enum ScanError: Error, Sendable, Equatable, CustomStringConvertible {
    case notResults(path: String)
    /// The data or the settings have changed since the file was begun.
    case otherScan(path: String)
    case damagedLine(path: String, line: Int)
    case levelOfTheory(found: String?, expected: String, file: String, frame: Int)
    case noFrames(file: String)
    case noSuchSet(Int, count: Int)

    public var description: String {
        switch self {
        case .notResults(let path):
            "\(path): this is not a file of scan results and was not changed; choose another one with --output"
        case .otherScan(let path):
            "\(path): the results belong to other data or settings; remove the file, or choose another one with --output"
        case .damagedLine(let path, let line):
            "\(path): line \(line) is not a result; remove the line to compute it again"
        case .levelOfTheory(let found, let expected, let file, let frame):
            "\(file), frame \(frame) is labelled by '\(found ?? "nothing")', not by '\(expected)': "
                + "levels of theory must not be mixed"
        case .noFrames(let file): "\(file): the scan selects no frame of this file"
        case .noSuchSet(let number, let count): "there is no parameter set \(number); choose 1 to \(count)"
        }
    }
}

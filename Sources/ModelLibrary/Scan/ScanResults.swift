import DurableFiles
import Foundation
import SystemPackage
public import ThiolateGold

/// What came of one descriptor: a line of a results file.
public struct ScanRecord: Sendable, Codable, Equatable {
    public struct Entry: Sendable, Codable, Equatable {
        /// Names of structures: learnt from, and predicted.
        public var train: String
        public var test: String
        public var atomClass: AtomClass
        /// Nil where one of them has too few such atoms.
        public var score: TransferTrial.Score?

        enum CodingKeys: String, CodingKey {
            case train, test, score
            case atomClass = "class"
        }
    }

    public var descriptor: SOAPParameters
    public var entries: [Entry]
    public var seconds: Double

    /// Whether nothing is left to do for this point.
    func covers(_ point: Scan.Point) -> Bool {
        descriptor == point.soap
            && Set(point.classes).isSubset(of: Set(entries.map(\.atomClass)))
    }
}

/// A file of JSON lines that grows by a record at a time, and from which a scan goes on.
///
/// The first line says of which scan it is: everything but the grids, which may grow.
final class ScanResultsFile {
    private(set) var records: [ScanRecord] = []
    private let file: AppendFile
    private let encoder = JSONEncoder()

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

    /// Opens the file, or makes it. A last line that is not whole is cut off.
    ///
    /// - Parameter digest: of all that decides a record but for its descriptor.
    /// - Throws: ``ScanError`` for a file of something else, and `FileError`.
    init(_ path: String, name: String, digest: String) throws {
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
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

    /// Durable when it returns.
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
    /// Opens the file while nobody else adds to it.
    ///
    /// - Parameter patience: seconds for which to wait for whoever does.
    /// - Throws: `LockHeld` where that takes longer.
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

/// Why a scan that reads well cannot be made.
public enum ScanError: Error, Sendable, Equatable, CustomStringConvertible {
    case notResults(path: String)
    /// The data or the settings have changed since.
    case otherScan(path: String)
    case damagedLine(path: String, line: Int)
    case levelOfTheory(found: String?, expected: String, file: String, frame: Int)
    case noFrames(file: String)
    case noSuchSet(Int, count: Int)

    public var description: String {
        switch self {
        case .notResults(let path):
            "\(path): not a file of scan results; it is left as it is: name another one with --output"
        case .otherScan(let path):
            "\(path): results of other data or other settings; remove the file, or name another one with --output"
        case .damagedLine(let path, let line):
            "\(path): line \(line) is not a result; remove the line to have it computed again"
        case .levelOfTheory(let found, let expected, let file, let frame):
            "\(file), frame \(frame) is labelled by '\(found ?? "nothing")', not by '\(expected)': "
                + "levels of theory must not be mixed"
        case .noFrames(let file): "\(file): the scan uses no frame of it"
        case .noSuchSet(let number, let count): "there is no parameter set \(number); they are 1 to \(count)"
        }
    }
}

public import Atomistics
public import DurableFiles
import Foundation
import OrderedCollections
import SystemPackage

/// An append-only set of labelled structures: frames as extended XYZ, and an index with the origin
/// of each frame.
///
///     data-set.json   format, level of theory, charge
///     frames.extxyz   one frame after the other; any tool reads it
///     index.jsonl     one line per frame: its offset, its digest, its origin, the digest of the previous line
///
/// A frame belongs to the set once its line is in the index; the frame is made durable before this line is written.
/// Bytes that a crash left after the last line are never read, and are removed when frames are added.
public struct DataSet: Sendable {
    /// The values shared by all frames, set by the first frame.
    public struct Header: Sendable, Equatable, Codable {
        public static let currentFormat = 1

        public var format = Header.currentFormat
        public var levelOfTheory: String
        /// Total charge, e.
        public var charge: Int

        public init(levelOfTheory: String, charge: Int) {
            (self.levelOfTheory, self.charge) = (levelOfTheory, charge)
        }

        enum CodingKeys: String, CodingKey {
            case format
            case levelOfTheory = "level_of_theory"
            case charge
        }
    }

    static let headerName: FilePath.Component = "data-set.json"
    static let framesName: FilePath.Component = "frames.extxyz"
    static let indexName: FilePath.Component = "index.jsonl"
    static let lockName: FilePath.Component = ".lock"

    public let header: Header
    /// The index entries in the order in which frames were added.
    public let entries: [DataSetEntry]
    let directory: Directory
    /// Length of the index up to the end of its last complete line, bytes.
    let indexLength: Int

    /// Number of valid bytes of `frames.extxyz`.
    var framesLength: Int { entries.last.map { $0.offset + $0.length } ?? 0 }

    /// Digest of the last line of the index. It identifies the complete set, because each line contains the digest of
    /// the previous line.
    public var digest: Digest { entries.last?.chain ?? Digest(of: []) }

    /// Returns true if a folder is a data set.
    public static func exists(at path: String) -> Bool {
        FileManager.default.fileExists(atPath: path + "/" + headerName.string)
    }

    /// Opens a set and checks its index; ``frames()`` checks the frames.
    ///
    /// - Throws: ``DataSetError``, `FileError`.
    public init(at path: String) throws {
        try self.init(in: Directory(FilePath(path)))
    }

    init(in directory: Directory) throws {
        self.directory = directory
        guard let bytes = try directory.read(Self.headerName) else {
            throw DataSetError.none(path: directory.path.escaped)
        }
        do {
            header = try JSONDecoder().decode(Header.self, from: Data(bytes))
        } catch {
            throw DataSetError.damaged(
                path: directory.path.escaped, what: "\(Self.headerName): \(error)")
        }
        guard header.format == Header.currentFormat else {
            throw DataSetError.otherFormat(path: directory.path.escaped, found: header.format)
        }
        var entries: [DataSetEntry] = []
        var length = 0
        let index = try directory.read(Self.indexName) ?? []
        // The part after the last line break is empty, or a line that a crash left incomplete.
        for line in index.split(separator: 10, omittingEmptySubsequences: false).dropLast() {
            let line = Array(line)
            let place = "\(Self.indexName), line \(entries.count + 1)"
            guard var entry = try? JSONDecoder().decode(DataSetEntry.self, from: Data(line)) else {
                throw DataSetError.damaged(path: directory.path.escaped, what: place)
            }
            guard entry.previous == entries.last?.chain ?? Digest(of: []),
                entry.offset == entries.last.map({ $0.offset + $0.length }) ?? 0, entry.length > 0
            else {
                throw DataSetError.damaged(
                    path: directory.path.escaped,
                    what: "\(place) does not continue the previous line: the digest of that line differs")
            }
            entry.chain = Digest(of: line)
            entries.append(entry)
            length += line.count + 1
        }
        (self.entries, indexLength) = (entries, length)
    }

    /// Returns the frames, each with its origin under the info key `origin`.
    public func framesWithOrigins() throws -> [Atoms] {
        zip(entries, try frames()).map { entry, atoms in
            var atoms = atoms
            atoms.info["origin"] = .string("\(entry.origin.source), step \(entry.origin.step)")
            return atoms
        }
    }

    /// Returns every frame, checked against its digest.
    ///
    /// - Throws: ``DataSetError``, `FileError`, `ExtXYZError`.
    public func frames() throws -> [Atoms] {
        let bytes = try directory.read(Self.framesName, limit: 1 << 32) ?? []
        return try entries.enumerated().map { number, entry in
            let end = entry.offset + entry.length
            guard end <= bytes.count, Digest(of: Array(bytes[entry.offset..<end])) == entry.digest else {
                throw DataSetError.damaged(
                    path: directory.path.escaped,
                    what: "frame \(number) of \(Self.framesName) does not match its digest")
            }
            let label = "\(directory.path.escaped)/\(Self.framesName), frame \(number)"
            let frames = try ExtXYZ.frames(in: Array(bytes[entry.offset..<end]), label: label)
            guard frames.count == 1 else {
                throw DataSetError.damaged(path: directory.path.escaped, what: label)
            }
            return frames[0]
        }
    }
}

/// The place and origin of one frame: a line of the index.
public struct DataSetEntry: Sendable, Equatable, Codable {
    /// Offset in `frames.extxyz`, bytes.
    public var offset: Int
    public var length: Int
    /// Digest of the frame's bytes.
    public var digest: Digest
    /// Digest of only elements, positions, energy and forces, so that it is equal for the same frame in two files.
    public var label: Digest
    public var origin: FrameOrigin
    /// Time of addition, UTC.
    public var added: String
    /// Digest of the previous line; for the first line, the digest of no bytes.
    public var previous: Digest
    /// Digest of this line.
    public internal(set) var chain = Digest(of: [])

    enum CodingKeys: String, CodingKey {
        case offset, length
        case digest = "sha256"
        case label, origin, added, previous
    }
}

/// The origin of a labelled frame.
public struct FrameOrigin: Sendable, Equatable, Codable {
    /// A job with its stage and attempt, or a file, as `dataset list` shows it.
    public var source: String
    /// Digest of the package that was computed, or of the file.
    public var digest: Digest
    /// Index in the trajectory, from 0.
    public var step: Int

    public init(source: String, digest: Digest, step: Int) {
        (self.source, self.digest, self.step) = (source, digest, step)
    }
}

/// The reason why a data set cannot be read or refuses a frame.
public enum DataSetError: Error, Sendable, Equatable, CustomStringConvertible {
    case none(path: String)
    case otherFormat(path: String, found: Int)
    case damaged(path: String, what: String)
    /// A frame without energy, forces or level of theory, or with a cell.
    case notLabelled(source: String, frame: Int, lacks: String)
    case otherLevel(source: String, found: String, expected: String)
    case otherCharge(source: String, found: Int, expected: Int)

    public var description: String {
        switch self {
        case .none(let path): "\(path) is not a data set: it has no \(DataSet.headerName)"
        case .otherFormat(let path, let found):
            "\(path) has format \(found); this aurelax reads format \(DataSet.Header.currentFormat)"
        case .damaged(let path, let what): "\(path) is damaged: \(what)"
        case .notLabelled(let source, let frame, let lacks):
            "\(source), frame \(frame): \(lacks)"
        case .otherLevel(let source, let found, let expected):
            "\(source) is labelled by '\(found)', but the data set by '\(expected)': levels of theory must not be mixed"
        case .otherCharge(let source, let found, let expected):
            "\(source) has the charge \(found), but the data set has \(expected): use a separate data set for each charge"
        }
    }
}

import Atomistics
import Foundation

/// Reads and writes structures in ASE's formats, in a separate Python process.
///
/// The file is converted once, to extended XYZ. Every converted frame records the name of the original file (`origin`),
/// its number in that file (`origin_frame`, from 1), and the reader with its version (`reader`).
public struct StructureConverter: Sendable {
    /// The frames to convert.
    public enum Frames: Sendable, Equatable {
        case all
        /// The last frame of the file, as ASE does by default.
        case last
        /// The frame with this number, from 1.
        case number(Int)

        var argument: String {
            switch self {
            case .all: "all"
            case .last: "last"
            case .number(let number): "\(number)"
            }
        }
    }

    /// Frames as extended XYZ.
    public struct Converted: Sendable {
        public var bytes: [UInt8]
        /// Number of frames in the original file.
        public var frames: Int
        /// ASE's version.
        public var version: String
    }

    /// A Python with ASE: a path, or a name to search in PATH.
    public let python: String
    /// Longest duration of a conversion; a Python process that takes longer is killed.
    public var limit: Duration = .seconds(300)

    public init(python: String) { self.python = python }

    /// Converts a file.
    ///
    /// - Parameter format: one of ``StructureFormat/names``.
    /// - Throws: ``StructureConversionError``.
    public func read(_ path: String, format: String, frames: Frames) throws -> Converted {
        let folder = try Scratch()
        let output = folder.path("frames.extxyz")
        let answer = try run(
            PackageResources.read_structures_py,
            ["read_structures.py", path, format, output, frames.argument],
            path, "\(format) file", folder)
        guard let data = FileManager.default.contents(atPath: output) else {
            throw StructureConversionError(path: path, kind: .failed("the reader wrote nothing"))
        }
        return Converted(bytes: Array(data), frames: answer.frames, version: answer.ase)
    }

    /// Converts bytes that arrived under a file name, for example in an inbox.
    public func read(_ bytes: [UInt8], named name: String, format: String, frames: Frames) throws -> Converted
    {
        let folder = try Scratch()
        // The original name is kept: it determines the compression, and it is recorded in the
        // frames.
        let path = folder.path("in/" + (name.split(separator: "/").last.map(String.init) ?? "structure"))
        try FileManager.default.createDirectory(
            atPath: folder.path("in"), withIntermediateDirectories: false)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        do {
            return try read(path, format: format, frames: frames)
        } catch var error as StructureConversionError {
            error.path = name
            throw error
        }
    }

    /// Writes frames in another format; an ASE database (`db`) gets additional rows.
    ///
    /// - Throws: ``StructureConversionError``.
    public func write(_ frames: [UInt8], to path: String, format: String) throws {
        let folder = try Scratch()
        let input = folder.path("frames.extxyz")
        try Data(frames).write(to: URL(fileURLWithPath: input))
        _ = try run(
            PackageResources.write_structures_py, ["write_structures.py", input, format, path], path,
            "\(format) file", folder)
    }

    /// The output of the Python scripts.
    private struct Answer: Decodable {
        var ase: String
        var frames: Int
        var written: Int
    }

    private func run(
        _ script: [UInt8], _ arguments: [String], _ path: String, _ what: String, _ folder: Scratch
    ) throws -> Answer {
        let file = folder.path(arguments[0])
        try Data(script).write(to: URL(fileURLWithPath: file))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [python, "-I", file] + arguments.dropFirst()
        process.standardInput = FileHandle.nullDevice
        // The process writes to files instead of pipes, so that much output does not block it.
        let (answer, complaints) = (folder.path("answer"), folder.path("complaints"))
        for name in [answer, complaints] { try Data().write(to: URL(fileURLWithPath: name)) }
        process.standardOutput = FileHandle(forWritingAtPath: answer)
        process.standardError = FileHandle(forWritingAtPath: complaints)
        let ended = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in ended.signal() }
        do { try process.run() } catch {
            throw StructureConversionError(path: path, kind: .noPython(python, what, "\(error)"))
        }
        let seconds = Double(limit.components.seconds)
        if ended.wait(timeout: .now() + seconds) == .timedOut {
            kill(process.processIdentifier, SIGKILL)
            ended.wait()
            throw StructureConversionError(path: path, kind: .failed("the reader took longer than \(limit)"))
        }
        let text = (try? String(contentsOfFile: complaints, encoding: .utf8)) ?? ""
        let last = text.split(whereSeparator: \.isNewline).last.map(String.init) ?? "no reason given"
        switch process.terminationStatus {
        case 0: break
        case 4, 126, 127: throw StructureConversionError(path: path, kind: .noPython(python, what, last))
        default:
            throw StructureConversionError(path: path, kind: .failed("cannot be read as \(what): \(last)"))
        }
        guard let data = FileManager.default.contents(atPath: answer),
            let decoded = try? JSONDecoder().decode(Answer.self, from: data)
        else {
            throw StructureConversionError(
                path: path, kind: .failed("the reader reported no result: \(last)"))
        }
        guard decoded.written > 0 else {
            throw StructureConversionError(
                path: path,
                kind: .failed("the file has no such frame: its number of frames is \(decoded.frames)"))
        }
        return decoded
    }
}

/// The reason why a structure file could not be read or written.
public struct StructureConversionError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: Sendable, Equatable {
        /// There is no Python with ASE. The values are the path of the Python, the operation that needs it, and the
        /// reason why it cannot be used.
        case noPython(String, String, String)
        case failed(String)
        /// The file's name does not determine the format, so the user must give it. The value is a guess from the
        /// content.
        case ambiguous(String?)
    }

    public var path: String
    public var kind: Kind

    public init(path: String, kind: Kind) { (self.path, self.kind) = (path, kind) }

    public var description: String {
        switch kind {
        case .failed(let why): "\(path): error: \(why)"
        case .noPython(let python, let what, let why):
            "\(path): error: a \(what) needs Python with ASE, and \(python) has none (\(why)); "
                + "install it (python3 -m pip install ase, or scripts/setup), and set AURELAX_PYTHON to that Python"
        case .ambiguous(let looks):
            "\(path): error: the file name does not determine the format; use --format "
                + (looks.map { "\($0) (the format of its first lines)" }
                    ?? "orca-output, gaussian-out, gpaw-out or xtb-output")
                + ", or the suffix .\(looks ?? "orca-output")"
        }
    }
}

/// A temporary folder that is removed with its owner.
final class Scratch {
    private let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent(
            "aurelax-structures-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appendingPathComponent(name).path }
}

import ArgumentParser
import Atomistics
import DurableFiles
import ForeignStructures
import Foundation
import ModelLibrary
import SystemPackage
import Workflow

/// A writer of frames, one by one, to a file that appears complete at the end, or to standard output (`-`).
struct FrameWriter: ~Copyable {
    private let file: ReplacedFile?
    private var buffer: [UInt8] = []
    private(set) var frames = 0

    init(_ path: String) throws {
        file = path == "-" ? nil : try ReplacedFile(FilePath(path))
    }

    mutating func write(_ atoms: Atoms) throws {
        ExtXYZ.encode(atoms, into: &buffer)
        frames += 1
        if buffer.count > 1 << 16 { try flush() }
    }

    private mutating func flush() throws {
        if let file {
            try file.append(buffer)
        } else {
            try FileHandle.standardOutput.write(contentsOf: Data(buffer))
        }
        buffer.removeAll(keepingCapacity: true)
    }

    mutating func finish() throws {
        try flush()
        try file?.commit()
    }
}

/// The option for the format of the structure file that a command reads.
struct FormatOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Format of the file, if its name does not determine it: xyz, cif, vasp, orca-output, gaussian-out, …",
            discussion: """
                The name determines the format: XYZ, extxyz, or a format of ASE: .cif, POSCAR and CONTCAR, .pdb, .gro, .mol2, \
                .sdf, .traj, .db, .gpw and others, compressed or not. Outputs (.out, .log, .txt) need --format.
                """))
    var format: String?

    func validate() throws {
        guard let format, StructureFormat(named: format) == nil else { return }
        throw ValidationError(
            "--format: '\(format)' is unknown; choose xyz, \(StructureFormat.names.joined(separator: ", "))"
        )
    }
}

/// The frames of a structure file in any format; Python converts foreign formats to extended XYZ.
struct StructureReader: ~Copyable {
    var frames: ExtXYZReader
    /// The file in extended XYZ, as converted by Python; nil for XYZ and extxyz, which need no conversion.
    let converted: StructureConverter.Converted?

    /// - Parameters:
    ///   - format: name of the format; nil if the file's name determines it.
    ///   - chosen: the frames to read from a file in a foreign format.
    init(_ path: String, format: String? = nil, chosen: StructureConverter.Frames = .all) throws {
        switch format.flatMap(StructureFormat.init(named:)) ?? StructureFormat(file: path) {
        case .native:
            frames = try ExtXYZReader(path: path)
            converted = nil
        case .foreign(let name):
            guard FileManager.default.isReadableFile(atPath: path) else {
                throw CommandError(in: path, "cannot be read")
            }
            let read = try StructureConverter(python: Program.python).read(path, format: name, frames: chosen)
            frames = try ExtXYZReader(MemoryBytes(read.bytes, label: path))
            converted = read
        case .programOutput:
            // A file of any name may contain XYZ.
            guard holdsFrame(path) else {
                let head = FileHandle(forReadingAtPath: path).flatMap { try? $0.read(upToCount: 1 << 16) }
                guard let head else { throw CommandError(in: path, "cannot be read") }
                throw StructureConversionError(path: path, kind: .ambiguous(StructureFormat.signature(head)))
            }
            frames = try ExtXYZReader(path: path)
            converted = nil
        }
    }
}

private func holdsFrame(_ path: String) -> Bool {
    guard var reader = try? ExtXYZReader(path: path) else { return false }
    return (try? reader.next()) != nil
}

/// Calls a closure for every frame of a file, in order. XYZ and extxyz are read with one frame in memory at a
/// time. A terminal shows the progress.
///
/// - Parameter output: the path to which the closure writes results; `-` for standard output.
func forEachFrame(
    in path: String, format: String? = nil, output: String? = nil, _ body: (Atoms, Int) throws -> Void
) throws {
    var reader = try StructureReader(path, format: format)
    let bar = ProgressBar("of \(URL(fileURLWithPath: path).lastPathComponent)", output: output)
    var index = 0
    while let atoms = try reader.frames.next() {
        try body(atoms, index)
        index += 1
        if let fraction = reader.frames.fractionRead { bar.show(fraction) }
    }
    guard index > 0 else { throw CommandError(in: path, "the file holds no structure") }
}

/// The last frame of a file.
struct LastFrame {
    let atoms: Atoms
    /// The number of frames in the file.
    let frames: Int
    /// The converted file, in extended XYZ; nil if the file is XYZ or extxyz.
    let converted: StructureConverter.Converted?

    init(of path: String, format: String? = nil) throws {
        var reader = try StructureReader(path, format: format, chosen: .last)
        converted = reader.converted
        var last: Atoms?
        var count = 0
        while let atoms = try reader.frames.next() { (last, count) = (atoms, count + 1) }
        guard let last else { throw CommandError(in: path, "the file holds no structure") }
        (atoms, frames) = (last, converted?.frames ?? count)
    }

    /// Returns a sentence about the reader of a foreign format: `CONTCAR: CH4S, read by ASE 3.29.0 vasp`.
    func reading(_ path: String) -> String? {
        guard converted != nil, let reader = atoms.reader else { return nil }
        return "\(path): \(atoms.formula), read by \(reader)"
    }
}

/// Returns a molecule without its file's periodic cell.
func outOfCell(_ atoms: Atoms, _ path: String) throws -> Atoms {
    do { return try atoms.takenOutOfCell() } catch { throw CommandError(in: path, "\(error)") }
}

/// Returns the structure of a file; of several structures the last, as in ASE.
func lastFrame(of path: String, format: String? = nil) throws -> Atoms {
    try LastFrame(of: path, format: format).atoms
}

/// Frames of a file in Python's slice notation: `3`, `-1`, `10:`, `::5`, `-20:`.
struct FrameSelection: ExpressibleByArgument {
    private let text: String
    private let parts: [Int?]

    init?(argument: String) {
        text = argument
        let fields = argument.split(separator: ":", omittingEmptySubsequences: false)
        guard (1...3).contains(fields.count) else { return nil }
        var parts: [Int?] = []
        for field in fields {
            let field = field.filter { $0 != " " }
            guard !field.isEmpty else {
                parts.append(nil)
                continue
            }
            // No file has so many frames, and the number is far below the largest integer.
            guard let number = Int(field), number.magnitude <= 1 << 40 else { return nil }
            parts.append(number)
        }
        if parts.count == 1, parts[0] == nil { return nil }
        if parts.count == 3, let step = parts[2], step < 1 { return nil }
        self.parts = parts
    }

    /// True if the selection depends on the number of frames.
    private var countsFromEnd: Bool { parts.prefix(2).contains { $0.map { $0 < 0 } ?? false } }

    /// - Throws: ``CommandError`` if a single frame is requested that the file does not have.
    func range(in path: String, format: String? = nil) throws -> FrameRange {
        var total = Int.max
        if countsFromEnd {
            total = 0
            try forEachFrame(in: path, format: format) { _, _ in total += 1 }
        }
        func absolute(_ index: Int) -> Int { index < 0 ? index + total : index }
        if parts.count == 1, let index = parts[0] {
            guard absolute(index) >= 0 else {
                throw CommandError(.failed, "\(path): there is no frame \(text): the file has \(total)")
            }
            return FrameRange(start: absolute(index), end: absolute(index) + 1)
        }
        return FrameRange(
            start: max(0, parts[0].map(absolute) ?? 0), end: parts[1].map { max(0, absolute($0)) },
            step: parts.count == 3 ? parts[2] ?? 1 : 1)
    }
}

import ArgumentParser
import Atomistics
import DurableFiles
import Foundation
import ModelLibrary
import SystemPackage
import Workflow

/// Frames that go out one by one, to a file that appears whole at the end or to standard output (`-`).
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

/// Every frame of a file in order, one in memory at a time; a terminal shows how far it is.
///
/// - Parameter output: where results go meanwhile.
func forEachFrame(in path: String, output: String? = nil, _ body: (Atoms, Int) throws -> Void) throws {
    var reader = try ExtXYZReader(path: path)
    let bar = ProgressBar("of \(URL(fileURLWithPath: path).lastPathComponent)", output: output)
    var index = 0
    while let atoms = try reader.next() {
        try body(atoms, index)
        index += 1
        if let fraction = reader.fractionRead { bar.show(fraction) }
    }
    guard index > 0 else { throw CommandError(.failed, "\(path): error: the file holds no structure") }
}

/// The one structure of a file; of several the last, as ASE reads it.
func lastFrame(of path: String) throws -> Atoms {
    var last: Atoms?
    try forEachFrame(in: path) { atoms, _ in last = atoms }
    guard let last else { preconditionFailure("a file without frames has been refused") }
    return last
}

/// Frames of a file as Python slices them: `3`, `-1`, `10:`, `::5`, `-20:`.
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
            guard let number = Int(field) else { return nil }
            parts.append(number)
        }
        if parts.count == 1, parts[0] == nil { return nil }
        if parts.count == 3, let step = parts[2], step < 1 { return nil }
        self.parts = parts
    }

    /// True where the number of frames decides which ones are meant.
    private var countsFromEnd: Bool { parts.prefix(2).contains { $0.map { $0 < 0 } ?? false } }

    /// - Throws: ``CommandError`` where a single frame is asked for that the file does not have.
    func range(in path: String) throws -> FrameRange {
        var total = Int.max
        if countsFromEnd {
            total = 0
            try forEachFrame(in: path) { _, _ in total += 1 }
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

public import Atomistics
import DurableFiles
import Foundation
import OrderedCollections
import SystemPackage

/// Frames from one source, to be added to a data set.
public struct LabelledFrames: Sendable {
    public var frames: [(atoms: Atoms, origin: FrameOrigin)]

    public init(_ frames: [(atoms: Atoms, origin: FrameOrigin)]) { self.frames = frames }
}

extension DataSet {
    /// The result of adding frames.
    public struct Addition: Sendable, Equatable {
        public var added = 0
        /// Number of frames that were already in the set.
        public var known = 0

        public init(added: Int = 0, known: Int = 0) { (self.added, self.known) = (added, known) }
    }

    /// Adds frames to the set in a folder and creates the set if there is none.
    ///
    /// All frames are checked before the first one is written. If the program is killed while it writes, the set has
    /// some of the frames, each complete; adding the frames again adds the rest.
    ///
    /// - Parameter progress: called with the fraction of frames that have been checked, from 0 to 1.
    /// - Throws: ``DataSetError``, `LockHeld` if another process is adding frames, `FileError`.
    @discardableResult
    public static func add(
        _ labelled: LabelledFrames, to path: String, now: Date = Date(),
        progress: (Double) -> Void = { _ in }
    ) throws -> Addition {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let directory = try Directory(FilePath(path))
        let lock = try ExclusiveLock(lockName, in: directory)
        defer { withExtendedLifetime(lock) {} }
        let set = try directory.status(of: headerName) == nil ? nil : try DataSet(in: directory)
        // A set without frames, as a crash may leave it, has no level of theory or charge yet.
        let isNew = set?.entries.isEmpty ?? true
        var addition = Addition()
        var known = Set(set?.entries.map(\.label) ?? [])
        var header = isNew ? nil : set?.header
        var texts: [(bytes: [UInt8], label: Digest, origin: FrameOrigin)] = []
        for (number, frame) in labelled.frames.enumerated() {
            progress(Double(number) / Double(labelled.frames.count))
            let own = try checked(frame.atoms, frame.origin.source, number)
            let expected = header ?? own
            guard own.levelOfTheory == expected.levelOfTheory else {
                throw DataSetError.otherLevel(
                    source: frame.origin.source, found: own.levelOfTheory,
                    expected: expected.levelOfTheory)
            }
            guard own.charge == expected.charge else {
                throw DataSetError.otherCharge(
                    source: frame.origin.source, found: own.charge, expected: expected.charge)
            }
            header = expected
            let label = label(of: frame.atoms)
            guard known.insert(label).inserted else {
                addition.known += 1
                continue
            }
            texts.append((ExtXYZ.bytes(of: [frame.atoms]), label, frame.origin))
        }
        guard let header else { return addition }
        if isNew {
            try directory.replace(headerName, try json(header))
        }
        try append(texts, to: directory, after: set, at: now)
        addition.added = texts.count
        return addition
    }

    /// Appends the frames and, once they are durable, their lines of the index.
    private static func append(
        _ texts: [(bytes: [UInt8], label: Digest, origin: FrameOrigin)], to directory: Directory,
        after set: DataSet?, at now: Date
    ) throws {
        guard !texts.isEmpty else { return }
        let frames = try AppendFile(framesName, in: directory, keeping: set?.framesLength ?? 0)
        let index = try AppendFile(indexName, in: directory, keeping: set?.indexLength ?? 0)
        let encoder = JSONEncoder.line
        var previous = set?.digest ?? Digest(of: [])
        var lines: [UInt8] = []
        for (bytes, label, origin) in texts {
            let entry = DataSetEntry(
                offset: frames.length, length: bytes.count, digest: Digest(of: bytes), label: label,
                origin: origin, added: now.ISO8601Format(), previous: previous)
            try frames.append(bytes)
            let line = Array(try encoder.encode(entry))
            previous = Digest(of: line)
            lines += line + [10]
        }
        try frames.synchronize()
        try frames.close()
        try index.append(lines)
        try index.synchronize()
        try index.close()
    }

    private static func checked(_ atoms: Atoms, _ source: String, _ number: Int) throws -> Header {
        func lacks(_ what: String) -> DataSetError {
            .notLabelled(source: source, frame: number, lacks: what)
        }
        guard let level = atoms.levelOfTheory else { throw lacks("it has no level_of_theory") }
        guard let energy = atoms.energy, energy.isFinite else { throw lacks("it has no energy") }
        guard let forces = atoms.forces else { throw lacks("it has no forces") }
        for i in 0..<atoms.count where !(atoms.positions[i] + forces[i]).sum().isFinite {
            throw lacks("the position or force of atom \(i) is not a finite number")
        }
        let charge = atoms.info["charge"]?.double ?? 0
        guard let whole = Int(exactly: charge) else {
            throw lacks("its charge is \(charge) e, not a whole number")
        }
        return Header(levelOfTheory: level, charge: whole)
    }

    /// Returns the digest of the training data in a frame: elements, positions, energy, forces.
    private static func label(of atoms: Atoms) -> Digest {
        var bytes: [UInt8] = []
        func append(_ value: Double) {
            withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
        }
        for element in atoms.elements { bytes.append(UInt8(element.atomicNumber)) }
        append(atoms.energy ?? .nan)
        for vector in atoms.positions + (atoms.forces ?? []) {
            for k in 0..<3 { append(vector[k]) }
        }
        return Digest(of: bytes)
    }
}

extension Sequence<(atoms: Atoms, origin: FrameOrigin)> {
    /// Returns the frames of one relaxation that differ enough for training: the first, the last, and each in which
    /// some atom has moved by at least `distance` Å since the last frame that was kept.
    public func distinct(by distance: Double) -> LabelledFrames {
        let all = Array(self)
        var kept: [(atoms: Atoms, origin: FrameOrigin)] = []
        for (n, frame) in all.enumerated() {
            guard let before = kept.last?.atoms, before.count == frame.atoms.count, n < all.count - 1 else {
                kept.append(frame)
                continue
            }
            let moved = zip(before.positions, frame.atoms.positions).contains {
                ($0 - $1).squaredLength >= distance * distance
            }
            if moved { kept.append(frame) }
        }
        return LabelledFrames(kept)
    }
}

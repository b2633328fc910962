import Atomistics
import DataSet
import DurableFiles
import Foundation
import OrderedCollections
import Synchronization
import SystemPackage
import Testing

/// Each test has a folder of its own, which is removed at the end of the test.
@Suite final class DataSetTests {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path

    deinit { try? FileManager.default.removeItem(atPath: path) }

    static func frame(_ shift: Double, level: String = "PBE", charge: Int? = nil) -> Atoms {
        var atoms = Atoms(elements: [.gold, .sulfur], positions: [[0, 0, 0], [2.3 + shift, 0, 0]])
        atoms.energy = -7.25 + shift * shift
        atoms.forces = [[shift, 0, 0], [-shift, 0, 0]]
        atoms.levelOfTheory = level
        if let charge { atoms.info["charge"] = .integer(charge) }
        return atoms
    }

    static func labelled(_ frames: [Atoms], source: String = "a") -> LabelledFrames {
        let digest = Digest(of: Array(source.utf8))
        return LabelledFrames(
            frames.enumerated().map { ($1, FrameOrigin(source: source, digest: digest, step: $0)) })
    }

    func bytes(_ name: String) -> [UInt8] {
        Array(FileManager.default.contents(atPath: "\(path)/\(name)") ?? Data())
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }

    @Test("Frames are returned with their origins") func origins() throws {
        let frames = (0..<5).map { Self.frame(0.1 * Double($0)) }
        #expect(try DataSet.add(Self.labelled(Array(frames[..<3])), to: path).added == 3)
        #expect(try DataSet.add(Self.labelled(Array(frames[3...]), source: "b"), to: path).added == 2)
        let set = try DataSet(at: path)
        #expect(try set.frames() == frames)
        #expect(set.entries.map(\.origin.source) == ["a", "a", "a", "b", "b"])
        #expect(set.sources.map(\.frames) == [3, 2])
        // Other programs can read the frames.
        #expect(try ExtXYZ.read(path: "\(path)/frames.extxyz") == frames)
        let statistics = try DataSetStatistics(set)
        #expect(statistics.frames == 5 && statistics.elements["Au"]?.largestForce == 0.4)
        #expect(statistics.levelOfTheory == "PBE" && statistics.energies["AuS"]?.first == -7.25)
    }

    @Test("An identical frame is added only once") func duplicates() throws {
        try DataSet.add(Self.labelled([Self.frame(0), Self.frame(0.1)]), to: path)
        var again = Self.frame(0.1)
        again.info["note"] = .string("from another file")
        let addition = try DataSet.add(
            Self.labelled([again, Self.frame(0.2), Self.frame(0.2)], source: "b"), to: path)
        #expect(addition == DataSet.Addition(added: 1, known: 2))
        #expect(try DataSet(at: path).frames().count == 3)
    }

    @Test("Levels of theory and charges are not mixed") func noMixing() throws {
        try DataSet.add(Self.labelled([Self.frame(0)]), to: path)
        let before = bytes("index.jsonl")
        #expect(throws: DataSetError.otherLevel(source: "b", found: "BLYP", expected: "PBE")) {
            try DataSet.add(
                Self.labelled([Self.frame(0.1), Self.frame(0.2, level: "BLYP")], source: "b"), to: self.path)
        }
        #expect(throws: DataSetError.otherCharge(source: "b", found: -1, expected: 0)) {
            try DataSet.add(Self.labelled([Self.frame(0.1, charge: -1)], source: "b"), to: self.path)
        }
        #expect(bytes("index.jsonl") == before, "frames of a refused source were added")
    }

    @Test(
        "A frame without labels is refused",
        arguments: ["energy", "forces", "level of theory", "finite force"])
    func whatIsNotLabelledIsRefused(_ lacking: String) throws {
        var frame = Self.frame(0.1)
        switch lacking {
        case "energy": frame.energy = nil
        case "forces": frame.forces = nil
        case "level of theory": frame.levelOfTheory = nil
        default: frame.forces = [[.nan, 0, 0], .zero]
        }
        #expect(throws: DataSetError.self) { try DataSet.add(Self.labelled([frame]), to: self.path) }
    }

    @Test("Bytes that a crash left after the last line are removed") func truncatedTail() throws {
        try DataSet.add(Self.labelled([Self.frame(0)]), to: path)
        let index = bytes("index.jsonl")
        try write("frames.extxyz", bytes("frames.extxyz") + Array("2\nhalf a fra".utf8))
        try write("index.jsonl", index + index.prefix(40))
        #expect(try DataSet(at: path).frames() == [Self.frame(0)])
        try DataSet.add(Self.labelled([Self.frame(0.1)], source: "b"), to: path)
        #expect(try DataSet(at: path).frames() == [Self.frame(0), Self.frame(0.1)])
        #expect(try ExtXYZ.read(path: "\(path)/frames.extxyz").count == 2)
    }

    @Test("Every changed byte is detected") func flippedBytes() throws {
        try DataSet.add(Self.labelled([Self.frame(0), Self.frame(0.1)]), to: path)
        for name in ["frames.extxyz", "index.jsonl"] {
            let whole = bytes(name)
            // The line feed at the end of the file is left out, because a crash may leave the last line without it.
            for place in stride(from: 0, to: whole.count - 1, by: 3) {
                var damaged = whole
                damaged[place] ^= 1
                try write(name, damaged)
                let frames = try? DataSet(at: path).frames()
                let digest = try? DataSet(at: path).digest
                #expect(
                    frames == nil
                        || digest != Digest(of: Array(whole.dropLast().split(separator: 10).last ?? [])),
                    "byte \(place) of \(name)")
            }
            try write(name, whole)
        }
        #expect(try DataSet(at: path).frames().count == 2)
    }

    /// At whatever call the process ends, the earlier frames are kept, and the other frames can be added again.
    @Test("A process killed at any system call keeps the earlier frames") func stoppedAtEveryCall() throws {
        let (first, second) = (
            Self.labelled([Self.frame(0)]), Self.labelled([Self.frame(0.1), Self.frame(0.2)])
        )
        var calls = 0
        for call in 0... {
            try? FileManager.default.removeItem(atPath: path)
            try DataSet.add(first, to: path)
            let counter = Atomic<Int>(0)
            SyscallHook.interrupt({ _, _ in
                counter.add(1, ordering: .relaxed).oldValue >= call ? .fail(.ioError) : nil
            }) {
                _ = try? DataSet.add(second, to: path)
            }
            let left = try DataSet(at: path).frames()
            #expect(left.first == Self.frame(0) && left.count <= 3, "call \(call)")
            try DataSet.add(second, to: path)
            #expect(
                try DataSet(at: path).frames() == [Self.frame(0), Self.frame(0.1), Self.frame(0.2)],
                "call \(call)")
            calls = call
            if counter.load(ordering: .relaxed) <= call { break }
        }
        #expect(calls > 8)
    }

    @Test("Only one process adds frames at a time") func lock() throws {
        try DataSet.add(Self.labelled([Self.frame(0)]), to: path)
        let lock = try ExclusiveLock(".lock", in: Directory(FilePath(path)))
        #expect(throws: LockHeld.self) { try DataSet.add(Self.labelled([Self.frame(0.1)]), to: self.path) }
        withExtendedLifetime(lock) {}
    }

    @Test("From a relaxation only frames that differ are kept") func selection() {
        let frames = [0, 0.01, 0.02, 0.06, 0.07, 0.2, 0.205].map { Self.frame($0) }
        let origin = FrameOrigin(source: "a", digest: Digest(of: []), step: 0)
        let kept = frames.map { (atoms: $0, origin: origin) }.distinct(by: 0.05)
        #expect(kept.frames.map(\.atoms) == [0, 0.06, 0.2, 0.205].map { Self.frame($0) })
        #expect(frames.map { (atoms: $0, origin: origin) }.distinct(by: 0).frames.count == 7)
    }
}

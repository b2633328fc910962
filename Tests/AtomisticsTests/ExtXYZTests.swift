import Atomistics
import Foundation
import OrderedCollections
import Testing

private let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Golden")

@Suite struct ExtXYZTests {
    private struct Expected: Decodable {
        let symbols: [String]
        let positions: [[Double]]
        let energy: Double
        let forces: [[Double]]
        let pbc: [Bool]
    }

    private func expected() throws -> [Expected] {
        try JSONDecoder().decode(
            [Expected].self, from: Data(contentsOf: golden.appendingPathComponent("frames.json")))
    }

    private func read(_ text: String, options: ExtXYZReadOptions = ExtXYZReadOptions()) throws -> [Atoms] {
        try ExtXYZ.frames(in: Array(text.utf8), label: "a.xyz", options: options)
    }

    /// Tolerance: ASE writes positions and forces with eight decimals, libAtoms likewise.
    @Test(arguments: ["ase.extxyz", "libatoms.extxyz"])
    func whatOthersWriteIsRead(_ file: String) throws {
        let frames = try ExtXYZ.read(path: golden.appendingPathComponent(file).path)
        let expected = try expected()
        #expect(frames.count == expected.count)
        for (atoms, wanted) in zip(frames, expected) {
            #expect(atoms.elements.map(\.symbol) == wanted.symbols)
            #expect(atoms.energy == wanted.energy)
            for i in 0..<atoms.count {
                #expect((atoms.positions[i] - SIMD3(wanted.positions[i])).length < 2e-8)
                let force = try #require(atoms.forces)[i]
                #expect((force - SIMD3(wanted.forces[i])).length < 2e-8)
            }
            #expect(atoms.periodicity == Periodicity(wanted.pbc[0], wanted.pbc[1], wanted.pbc[2]))
            #expect(atoms.moveMask == [false, true, false, true, true, true])
            #expect(atoms.info["numbers"] == .integers([1, 2, 3]))
            #expect(atoms.info["reals"] == .reals([0.5, 1e-7, -3.25]))
            #expect(atoms.info["flags"] == .booleans([true, false]))
            #expect(atoms.columns["tag2"]?.values == .integer([0, 10, 20, 30, 40, 50]))
            guard case .realRows(let rows) = atoms.info["matrix"] else {
                Issue.record("matrix is \(String(describing: atoms.info["matrix"]))")
                continue
            }
            #expect(rows.count == 2 && rows[0].count == 3)
        }
        #expect(frames[0].info["label"] == .string("plain"))
        #expect(frames[1].info["label"] == .string("with space"))
        #expect(frames[1].cell == Cell([9.5, 0, 0], [0.25, 10, 0], [0, 0, 11]))
    }

    @Test(arguments: ["ase.extxyz", "libatoms.extxyz"])
    func nothingIsLostInARoundTrip(_ file: String) throws {
        let frames = try ExtXYZ.read(path: golden.appendingPathComponent(file).path)
        #expect(try ExtXYZ.frames(in: ExtXYZ.bytes(of: frames), label: "copy") == frames)
    }

    @Test func everyKindOfValueSurvives() throws {
        var atoms = Atoms(elements: [.gold, .hydrogen], positions: [[0.1, -1e-17, 1e300], [1, 2, 3]])
        atoms.info = [
            "text": .string("a \"quoted\" \\ text\nwith two lines"), "number-like": .string("12"),
            "logical-like": .string("T"), "empty": .string(""), "bare": .bare, "i": .integer(-7),
            "r": .real(0.1), "nan": .real(.infinity), "b": .boolean(true), "one": .integers([5]),
            "words": .strings(["x", "y z", "3"]), "rows": .realRows([[1.5, 2], [3, 4]]),
            "integer rows": .integerRows([[1], [2]]),
        ]
        atoms.columns["word"] = Column(width: 1, values: .string(["a", "b"]))
        atoms.columns["flag"] = Column(width: 2, values: .boolean([true, false, false, true]))
        let copy = try ExtXYZ.frames(in: ExtXYZ.bytes(of: [atoms]), label: "copy")
        #expect(copy == [atoms])
    }

    @Test func plainFilesOfManyHands() throws {
        let text = "2\r\n a comment, no pairs \r\nAu 0 0 1.5D0\r\nh 1 2 3\r\n"
        #expect(throws: ExtXYZError.self) { try read(text) }
        let fixed = try read(text.replacingOccurrences(of: "h 1", with: "1 1"))
        #expect(fixed[0].positions[0] == [0, 0, 1.5])
        #expect(fixed[0].elements[1] == .hydrogen)
        #expect(fixed[0].info[Atoms.commentKey] == .string(" a comment, no pairs "))
        #expect(try read("1\n\nAu 0 0 0").count == 1)
        #expect(try read("1\n\nAu 0 0 0\n\n\n  \n").count == 1)
        #expect(try read("") == [])
    }

    @Test(arguments: [
        ("x\n", "a.xyz:1:1: expected a number of atoms, found ‘x’ (is this an XYZ file?)"),
        ("1\n", "a.xyz:1: the file ends after the number of atoms, without a comment line"),
        ("2\n\nAu 0 0 0\n", "a.xyz:3: the file ends after 1 of 2 atoms"),
        ("1\n\nAu 0 zero 1\n", "a.xyz:3:6: expected a real number, found ‘zero’"),
        ("1\n\nAu 0 0\n", "a.xyz:3:7: the line ends where a real number is expected"),
        ("1\n\nau 0 0 0\n", "a.xyz:3:1: ‘au’ is not the symbol of an element (did you mean Au?)"),
        (
            "1\n\nAu 0 0 0 1\n",
            "a.xyz:3:10: ‘1’ after the last of 4 columns (name further columns in Properties)"
        ),
        (
            "1\nProperties=species:S:1:pos:R:2\nAu 0 0\n",
            "a.xyz:2:12: Properties has no pos:R:3 (every frame needs species:S:1 and pos:R:3)"
        ),
        (
            "1\nLattice=\"1 2\" \nAu 0 0 0\n",
            "a.xyz:2:9: Lattice is not nine finite numbers (three vectors in Å, one after the other: "
                + "\"10 0 0 0 10 0 0 0 10\")"
        ),
        ("99999999999\n\n", "a.xyz:1:1: 99999999999 atoms are more than the limit of 10000000"),
        ("900\n\nAu 0 0 0\n", "a.xyz:1:1: the file ends before 900 atoms"),
    ])
    func mistakesHaveAPlace(_ text: String, _ message: String) throws {
        let error = #expect(throws: ExtXYZError.self) { try read(text) }
        #expect(error?.description == message)
    }

    /// No bytes crash the reader, and what it accepts it can write and read again.
    @Test func mutatedFilesAreReadOrRefused() throws {
        let seeds = try ["ase.extxyz", "libatoms.extxyz"].map {
            Array(try Data(contentsOf: golden.appendingPathComponent($0)))
        }
        var random = SplitMix(seed: 11)
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = seeds[Int(random.next() % 2)]
            if random.next() % 4 == 0 { bytes.removeLast(Int(random.next() % UInt64(bytes.count))) }
            for _ in 0..<Int(random.next() % 6) where !bytes.isEmpty {
                let place = Int(random.next() % UInt64(bytes.count))
                switch random.next() % 3 {
                case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.remove(at: place)
                default: bytes.insert(Array("\"=[]{} \n:T1".utf8)[Int(random.next() % 11)], at: place)
                }
            }
            guard let frames = try? ExtXYZ.frames(in: bytes, label: "fuzz") else { continue }
            accepted += 1
            _ = try ExtXYZ.frames(in: ExtXYZ.bytes(of: frames), label: "again")
        }
        #expect(accepted > 100)
    }

    /// ASE and libAtoms read what we write.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["AURELAX_PYTHON"] != nil))
    func othersReadWhatIsWritten() throws {
        let python = try #require(ProcessInfo.processInfo.environment["AURELAX_PYTHON"])
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("aurelax-\(UUID().uuidString).extxyz")
        defer { try? FileManager.default.removeItem(at: file) }
        let frames = try ExtXYZ.read(path: golden.appendingPathComponent("ase.extxyz").path)
        try Data(ExtXYZ.bytes(of: frames)).write(to: file)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = [golden.appendingPathComponent("check.py").path, file.path]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(output)")
    }
}

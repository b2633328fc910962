import Atomistics
import Foundation
import OrderedCollections
import TestTags
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

    /// The tolerance allows for the eight decimals with which ASE and libAtoms write positions and forces.
    @Test("Files that other programs write are read", arguments: ["ase.extxyz", "libatoms.extxyz"])
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

    @Test("Writing and reading loses nothing", arguments: ["ase.extxyz", "libatoms.extxyz"])
    func nothingIsLostInARoundTrip(_ file: String) throws {
        let frames = try ExtXYZ.read(path: golden.appendingPathComponent(file).path)
        #expect(try ExtXYZ.frames(in: ExtXYZ.bytes(of: frames), label: "copy") == frames)
    }

    @Test("Every kind of value survives writing and reading") func valuesRoundTrip() throws {
        var atoms = Atoms(elements: [.gold, .hydrogen], positions: [[0.1, -1e-17, 1e300], [1, 2, 3]])
        atoms.info = [
            "text": .string("a \"quoted\" \\ text\nwith two lines"), "number-like": .string("12"),
            "array-like": .string("1 2 3"), "logical-like": .string("T"), "empty": .string(""),
            "return": .string("a\r\u{1}\"b\\"), "name": .string("007"), "umlaut": .string("ü\u{A0}ü"),
            "long": .string("123456789012345678901"), "object": .string("_JSON {\"k\": [1, null]}"),
            "cube": .string("_JSON [[[1, 2]]]"), "i": .integer(-7), "least": .integer(.min),
            "r": .real(0.1), "inf": .real(-.infinity), "b": .boolean(true), "one": .integers([5]),
            "none": .integers([]), "two": .booleans([true, false]), "three": .reals([1, 2, 1e-300]),
            "words": .strings(["x", "y z", "3"]), "digits": .strings(["1", "2"]),
            "rows": .realRows([[1.5, 2], [3, -.infinity]]), "integer rows": .integerRows([[1], [2]]),
            "logical rows": .booleanRows([[true], [false]]), "word rows": .stringRows([["1", "\"\n"]]),
        ]
        atoms.columns["word"] = Column(width: 1, values: .string(["a", "b"]))
        atoms.columns["two words"] = Column(width: 1, values: .real([1 / 3, -0.0]))
        atoms.columns["flag"] = Column(width: 2, values: .boolean([true, false, false, true]))
        let copy = try #require(try ExtXYZ.frames(in: ExtXYZ.bytes(of: [atoms]), label: "copy").first)
        for (key, value) in atoms.info { #expect(copy.info[key] == value, "\(key)") }
        #expect(copy == atoms)
        #expect(copy.columns["two words"]?.reals?[1].sign == .minus)
    }

    /// Comment lines that ASE 3.29 and libAtoms 0.4 read alike.
    @Test(
        "The comment line is read",
        arguments: [
            ("a=\"5\"", InfoValue.integer(5)), ("a={1}", .integer(1)), ("a=[1]", .integers([1])),
            ("a=\"1.5\"", .real(1.5)), ("a=\"T\"", .boolean(true)), ("a=TRuE", .string("TRuE")),
            ("a={1 2}", .integers([1, 2])), ("a=\"1, 2, 3\"", .integers([1, 2, 3])),
            ("a=[-1.0, 2]", .reals([-1, 2])), ("a=\"1 2 x\"", .string("1 2 x")),
            ("a=[\"x y\", \"z\"]", .strings(["x y", "z"])), ("a={T F}", .booleans([true, false])),
            ("a = 1.5D-1", .real(0.15)), ("a=x=y", .string("x=y")), ("a b=1", .bare),
            ("a=[[1, 2], [3, 4]]", .integerRows([[1, 2], [3, 4]])),
            ("a=\"_JSON [[1.5, 2]]\"", .realRows([[1.5, 2]])),
            ("a=\"_JSON [\\\"\\\\u00fc\\\"]\"", .strings(["ü"])),
        ])
    func commentLine(_ line: String, _ value: InfoValue) throws {
        let atoms = try read("1\n\(line) Properties=species:S:1:pos:R:3\nAu 0 0 0\n")[0]
        #expect(atoms.info["a"] == value)
    }

    @Test("Lattice and pbc are read as ASE reads them") func lattice() throws {
        func atoms(_ line: String) throws -> Atoms { try read("1\n\(line)\nAu 0 0 0\n")[0] }
        let cuboid = Cell([10, 0, 0], [0, 11, 0], [0, 0, 12])
        for line in [
            "Lattice=\"10 0 0 0 11 0 0 0 12\"", "Lattice=[[10,0,0],[0,11,0],[0,0,12]]",
            "Lattice=\"10 11 12\"",
        ] {
            #expect(try atoms(line).cell == cuboid)
            #expect(try atoms(line).periodicity == .all)
            #expect(try atoms(line + " pbc=\"T F T\"").periodicity == Periodicity(true, false, true))
            #expect(try atoms("pbc=[1, 0, 1] " + line).periodicity == Periodicity(true, false, true))
            #expect(try atoms(line + " pbc=F").periodicity == .none)
        }
        let remark = try atoms("Lattice constant = 4.08 Å")
        #expect(remark.info[Atoms.commentKey] == .string("Lattice constant = 4.08 Å") && remark.cell == nil)
        #expect(try read(String(decoding: ExtXYZ.bytes(of: [remark]), as: UTF8.self)) == [remark])
        let rows = ExtXYZReadOptions(nestedLattice: .vectorsAsRows)
        let skew = "1\nLattice=[[10,1,0],[0,11,0],[0,0,12]]\nAu 0 0 0\n"
        #expect(try read(skew, options: rows)[0].cell?.a == [10, 1, 0])
    }

    @Test("Claimed and actual sizes are limited before memory is allocated", .tags(.fault27))
    func fault27Limits() throws {
        let limits = ExtXYZReadOptions(maxAtoms: 3, maxLineLength: 1 << 19, maxBytes: 1 << 20)
        func message(_ text: String) -> String? {
            do { return try read(text, options: limits).isEmpty ? nil : "read" } catch { return "\(error)" }
        }
        #expect(message("1\n\nAu 0 0 0\n") == "read")
        #expect(message("4\n") == "a.xyz:1:1: 4 atoms are more than the limit of 3")
        for count in ["-1", "9223372036854775808", "1.0", "3x"] {
            #expect(message(count + "\n\n")?.hasPrefix("a.xyz:1:1: expected a number of atoms") == true)
        }
        #expect(
            message("1\n" + String(repeating: "x", count: 1 << 20 - 8))
                == "a.xyz:2: the line is longer than the limit of 524288 bytes")
        #expect(
            message(String(repeating: "\n", count: 1 << 20 + 1))
                == "a.xyz: the file has 1048577 bytes, more than the limit of 1048576")
        #expect(
            message("3\nProperties=species:S:1:pos:R:3:x:R:9000\nAu 0 0 0\n")
                == "a.xyz:3:9: expected a real number, found the end of the line")
        let many = (0..<10_001).map { ":c\($0):R:1" }.joined()
        #expect(
            message("1\nProperties=species:S:1:pos:R:3\(many)\n")
                == "a.xyz:2:12: 10005 values per atom are more than the limit of 10000")
    }

    @Test("Plain XYZ files with unusual line ends and spelling are read") func plainFiles() throws {
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

    @Test(
        "Errors have a line and a column", .tags(.fault26),
        arguments: [
            ("x\n", "a.xyz:1:1: expected a number of atoms, found ‘x’ (is this an XYZ file?)"),
            ("1\n", "a.xyz:1: the file ends after the number of atoms, without a comment line"),
            ("2\n\nAu 0 0 0\n", "a.xyz:3: the file ends after 1 of 2 atoms"),
            ("1\n\nAu 0 zero 1\n", "a.xyz:3:6: expected a real number, found ‘zero’"),
            ("1\n\nAu 0 0\n", "a.xyz:3:7: expected a real number, found the end of the line"),
            ("1\n\nau 0 0 0\n", "a.xyz:3:1: ‘au’ is not the symbol of an element (did you mean Au?)"),
            (
                "1\n\nAu 0 0 0 1\n",
                "a.xyz:3:10: found ‘1’ after the last of 4 columns (declare further columns in Properties)"
            ),
            (
                "1\nProperties=species:S:1:pos:R:2\nAu 0 0\n",
                "a.xyz:2:12: Properties has no pos:R:3 (every frame needs species:S:1 (or Z:I:1) and pos:R:3)"
            ),
            (
                "1\nProperties=species:S:1:pos:R:3:flag:X:1\n\n",
                "a.xyz:2:12: column ‘flag’ has the type ‘X’ (S for text, R for real, I for integer, L for logical)"
            ),
            (
                "1\nLattice=\"1 0 0 0 1 0 0 0 1\n\n", "a.xyz:2:9: a quotation mark is not closed"
            ),
            (
                "1\nLattice=[[1,2],3]\n\n",
                "a.xyz:2:16: expected a row of an array (as in [[1, 2], [3, 4]])"
            ),
            (
                "1\nLattice=[[9,1,0],[0,9,0],[0,0,9]]\n\n",
                "a.xyz:2:9: some programs read a nested Lattice as rows, others as columns "
                    + "(write it flat: \"ax ay az bx by bz cx cy cz\")"
            ),
            (
                "1\npbc=\"T 2\" Lattice=\"9 9 9\"\n\n",
                "a.xyz:2:5: pbc does not have three logical values (as in pbc=\"T T F\")"
            ),
            ("1\npbc=T\n\n", "a.xyz:2:5: pbc is true but there is no Lattice"),
            ("1\nProperties=species:S:1:pos:R:3 a=1 a=2\n\n", "a.xyz:2:36: the key ‘a’ appears twice"),
            (
                "1\nProperties=species:S:1:pos:R:3:f:L:1\nAu 0 0 0 yes\n",
                "a.xyz:3:10: expected T or F, found ‘yes’"
            ),
            (
                "1\nProperties=species:S:1:pos:R:3:f:I:1\nAu 0 0 0 1.5\n",
                "a.xyz:3:10: expected an integer, found ‘1.5’"
            ),
            (
                "1\n\nX\u{202E}Y 0 0 0\n", "a.xyz:3:1: ‘X?Y’ is not the symbol of an element"
            ),
            (
                "1\n\nAu 0 0 0\nAu 0 0 0\n",
                "a.xyz:4:1: expected a number of atoms, found ‘Au’ (does the previous frame have more atoms than its first line says?)"
            ),
            (
                "1\nLattice=\"1 2\" \nAu 0 0 0\n",
                "a.xyz:2:9: Lattice does not have nine finite numbers (write three vectors in Å, one after the other: "
                    + "\"10 0 0 0 10 0 0 0 10\")"
            ),
            ("99999999999\n\n", "a.xyz:1:1: 99999999999 atoms are more than the limit of 10000000"),
            ("900\n\nAu 0 0 0\n", "a.xyz:1:1: the file ends before 900 atoms"),
        ])
    func fault26Places(_ text: String, _ message: String) throws {
        let error = #expect(throws: ExtXYZError.self) { try read(text) }
        #expect(error?.description == message)
    }

    /// ASE and libAtoms read the files that we write.
    @Test(
        "ASE reads the written files",
        .enabled(if: ProcessInfo.processInfo.environment["AURELAX_PYTHON"] != nil))
    func othersReadWhatIsWritten() throws {
        let python = try #require(ProcessInfo.processInfo.environment["AURELAX_PYTHON"])
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("aurelax-\(UUID().uuidString).extxyz")
        defer { try? FileManager.default.removeItem(at: file) }
        let frames = try ExtXYZ.read(path: golden.appendingPathComponent("ase.extxyz").path)
        try Data(ExtXYZ.bytes(of: frames)).write(to: file)
        try expectSuccess(python, ["check.py", file.path])

        // Every kind of value, and numbers that must be kept to the last bit.
        var atoms = Atoms(elements: [.gold, .hydrogen], positions: [[0.1, -1e-17, 1 / 3], [1e22, 2, .pi]])
        atoms.forces = [[1.1, 2.2, 3.3], [-1e-9, 0, 7e11]]
        atoms.moveMask = [true, false]
        atoms.energy = -12345.678901234567
        atoms.info["text"] = .string("a \"quoted\" text")
        atoms.info["number-like"] = .string("12")
        atoms.info["empty"] = .string("")
        atoms.info["none"] = .integers([])
        atoms.info["bare"] = .bare
        atoms.info["reals"] = .reals([0.1, 1e-300])
        atoms.info["matrix"] = .realRows([[1.5, 2], [3, 0.1]])
        atoms.info["last"] = .integer(3)
        try Data(ExtXYZ.bytes(of: [atoms])).write(to: file)
        try expectSuccess(python, ["check.py", "--values", file.path])
    }

    private func expectSuccess(_ python: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python)
        process.currentDirectoryURL = golden
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(output)")
    }
}

import Atomistics
import DurableFiles
import Foundation
import Handoff
import JobSpec
import OrderedCollections
import SystemPackage
import Testing

@Suite struct PackageTests {
    @Test("The same request gives the same bytes") func theSameRequestGivesTheSameBytes() throws {
        let first = try HandoffPackage(Samples.request())
        let second = try HandoffPackage(Samples.request())
        #expect(first.files == second.files)
        #expect(first.digest == second.digest)

        let other = try HandoffPackage(Samples.request { $0.attempt = 3 })
        #expect(other.digest != first.digest)
        #expect(other.expectation.inputs != first.expectation.inputs)
    }

    @Test("The manifest is last and has the checksum of every file") func manifest() throws {
        let package = try HandoffPackage(Samples.request())
        #expect(
            package.files.map(\.name.string) == [
                "initial.extxyz", "parameters.json", "relaxation.py", "gpaw_relax.py", "run.sh",
                "submit.sbatch", "README.md", "MANIFEST.json",
            ])
        let bytes = try #require(package.bytes("MANIFEST.json"))
        let manifest = try JSONDecoder().decode(HandoffManifest.self, from: Data(bytes))
        #expect(manifest == package.manifest)
        #expect(package.digest == Digest(of: bytes))
        #expect(manifest.files.count == package.files.count - 1)
        for (entry, file) in zip(manifest.files, package.files) {
            #expect(entry.name == file.name.string)
            #expect(entry.size == file.bytes.count)
            #expect(entry.sha256 == Digest(of: file.bytes))
            #expect(file.isExecutable == (entry.role == .launcher))
        }
        #expect((manifest.job, manifest.stage, manifest.attempt) == ("ring4", 1, 2))
        #expect(manifest.engine == "gpaw")
        #expect(manifest.units.force == "eV/Angstrom")
        #expect(
            manifest.expected == [
                "result/trajectory.extxyz", "result/final.extxyz", "result/status.json", "result/DONE.json",
            ])
    }

    @Test("The digest of the inputs is that of sha256sum") func inputDigest() throws {
        let package = try HandoffPackage(Samples.request())
        let inputs = package.manifest.files.filter { $0.role == .input }.sorted { $0.name < $1.name }
        let lines = inputs.map { "\($0.sha256.hexadecimal)  \($0.name)\n" }.joined()
        #expect(package.manifest.inputs == Digest(of: Array(lines.utf8)))
    }

    @Test("The packaged structure has all digits and nothing superfluous") func packagedStructure() throws {
        var atoms = Samples.sulfide
        atoms.positions[1].x = 4.0 / 3
        atoms.forces = Array(repeating: [1, 2, 3], count: 3)
        atoms.info["ml_model"] = .string("x")
        let package = try HandoffPackage(Samples.request(atoms) { $0.movable = [true, false, true] })
        let frames = try ExtXYZ.frames(
            in: try #require(package.bytes("initial.extxyz")), label: "initial.extxyz")
        let sent = try #require(frames.first)
        #expect(frames.count == 1)
        #expect(sent.positions == atoms.positions)
        #expect(sent.elements == atoms.elements)
        #expect(sent.moveMask == [true, false, true])
        #expect(sent.forces == nil)
        #expect(sent.info["ml_model"] == nil)
        #expect(package.expectation.parameters.fixedAtoms == [1])
    }

    @Test("A tblite package states that it is not DFT") func tbliteLabel() throws {
        let package = try HandoffPackage(Samples.request(settings: Samples.settings { $0.engine = .tblite }))
        #expect(package.bytes("tblite_relax.py") != nil)
        #expect(package.bytes("gpaw_relax.py") == nil)
        #expect(package.manifest.engine == "tblite")
        #expect(package.text("README.md")?.contains("semi-empirical method, not DFT") == true)
        #expect(package.text("submit.sbatch")?.contains("--ntasks=1\n") == true)
    }

    @Test("The Hessian is packaged unchanged") func packagedHessian() throws {
        let hessian = (0..<81).map { Double($0) / 7 }
        let package = try HandoffPackage(Samples.request { $0.hessian = hessian })
        let bytes = try #require(package.bytes("hessian.npy"))
        #expect(bytes.starts(with: [0x93] + Array("NUMPY".utf8)))
        let values = bytes.suffix(81 * 8).withUnsafeBytes { raw in
            (0..<81).map { Double(bitPattern: raw.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self)) }
        }
        #expect(values == hessian)
        #expect(package.expectation.parameters.hessian?.file == "hessian.npy")
    }

    /// In a long chain of gold atoms, blocks of atoms that are far apart are left out.
    @Test(
        "The Hessian of many atoms is packaged in blocks, and the package's script reads it",
        .enabled(if: Engines.hasPython))
    func hessianInBlocks() throws {
        let count = 301
        let atoms = Atoms(
            elements: [Element](repeating: try #require(Element(symbol: "Au")), count: count),
            positions: (0..<count).map { SIMD3(2.8 * Double($0), 0, 0) })
        let size = 3 * count
        func value(_ i: Int, _ j: Int) -> Double {
            let near = exp(-Double(abs(i / 3 - j / 3)))
            return Double((i % 3 + 1) * (j % 3 + 1) * 3 - (i / 3 + j / 3) % 5) * near
        }
        let hessian = (0..<size * size).map { value($0 / size, $0 % size) }
        let package = try HandoffPackage(Samples.request(atoms) { $0.hessian = hessian })
        #expect(package.expectation.parameters.hessian?.file == "hessian-blocks.npy")
        #expect(package.bytes("hessian.npy") == nil)
        let bytes = try #require(package.bytes("hessian-blocks.npy"))
        #expect(bytes.count < 8 * size * size / 10)

        let scratch = try Scratch()
        for name in ["relaxation.py", "hessian-blocks.npy"] as [FilePath.Component] {
            try scratch.directory.replace(name, try #require(package.bytes(name)))
        }
        try scratch.directory.replace(
            "dense.f64", hessian.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) })
        let python = Process()
        python.executableURL = URL(filePath: try #require(Engines.python))
        python.currentDirectoryURL = URL(filePath: scratch.path.string)
        python.arguments = [
            "-c",
            """
            import numpy as np, relaxation
            read = relaxation.read_hessian('hessian-blocks.npy', 301)
            dense = np.fromfile('dense.f64').reshape(903, 903)
            print(abs(read - dense).max() <= 1.1e-4, abs(read - read.T).max() == 0)
            try: relaxation.read_hessian('hessian-blocks.npy', 300)
            except relaxation.Refusal as refusal: print(refusal)
            """,
        ]
        let output = Pipe()
        python.standardOutput = output
        try python.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        python.waitUntilExit()
        #expect(
            text
                == "True True\nhessian-blocks.npy has a block of an atom that is not among the 300 atoms of the package\n"
        )
    }

    @Test("The batch script contains only safe words") func batchScript() throws {
        let package = try HandoffPackage(Samples.request { $0.job = "Au38-ring.v2_1" })
        let text = try #require(package.text("submit.sbatch"))
        #expect(text.contains("#SBATCH --job-name=aurelax-Au38-ring.v2_1-1-2\n"))
        #expect(text.contains("#SBATCH --signal=B:USR1@300\n"))
        for name in ["submit.sbatch", "run.sh"] as [FilePath.Component] {
            #expect(try shellAccepts(try #require(package.bytes(name))), "\(name.string)")
        }
    }

    /// Returns whether `sh -n` accepts the script.
    private func shellAccepts(_ script: [UInt8]) throws -> Bool {
        let scratch = try Scratch()
        try scratch.directory.create("script", script)
        let shell = Process()
        shell.executableURL = URL(filePath: "/bin/sh")
        shell.arguments = ["-n", scratch.path.appending("script").string]
        try shell.run()
        shell.waitUntilExit()
        return shell.terminationStatus == 0
    }
}

@Suite struct GateTests {
    private func reasons(_ request: HandoffRequest) -> [HandoffRefusal.Reason] {
        do {
            _ = try HandoffPackage(request)
            return []
        } catch let refusal as HandoffRefusal {
            return refusal.reasons
        } catch {
            Issue.record("\(error)")
            return []
        }
    }

    @Test(
        "Names that a shell could misread are refused",
        arguments: [
            "", "a b", "a;rm -rf", "$(id)", "../x", ".hidden", "-n", "x\n#SBATCH --wrap=id", "ünsafe",
            String(repeating: "a", count: 65),
        ])
    func namesThatAShellCouldMisreadAreRefused(name: String) {
        #expect(reasons(Samples.request { $0.job = name }) == [.unsafeName(name)])
    }

    @Test("A structure without atoms, or without moving atoms, is refused") func nothingToHandOff() {
        let empty = Atoms(elements: [], positions: [])
        #expect(reasons(Samples.request(empty)) == [.noAtoms])
        #expect(reasons(Samples.request { $0.movable = [false, false, false] }) == [.nothingMoves])
        #expect(reasons(Samples.request { $0.movable = [true] }) == [.wrongMask(count: 1, atoms: 3)])
    }

    @Test("A refusal names all reasons") func everyReasonIsTold() {
        var atoms = Samples.sulfide
        atoms.positions[2].y = .nan
        atoms.positions[0].x = .infinity
        atoms.periodicity = .all
        let request = Samples.request(atoms) {
            $0.job = "a b"
            $0.hessian = [.nan]
        }
        #expect(
            reasons(request).map(\.description) == [
                "the job name \"a b\" may only contain letters, digits, '-', '_' and '.'",
                "the structure is periodic, but its lattice vectors span no volume",
                "atom S 0 has a coordinate that is not a number",
                "atom H 2 has a coordinate that is not a number",
                "the Hessian has 1 numbers, not (3·3)² = 81",
                "the Hessian has a value that is not a number",
            ])
    }

    @Test("An unsuitable geometry is refused") func unsuitableGeometry() {
        var clash = Samples.sulfide
        clash.positions[2] = [1.34, 0.2, 0]
        #expect(
            reasons(Samples.request(clash)).map(\.description) == [
                "atoms H 1 and H 2 are 0.20 Å apart, closer than 0.37 Å"
            ])
        var torn = Samples.sulfide
        torn.positions[1].x = 6
        #expect(
            reasons(Samples.request(torn) { $0.reference = Samples.sulfide }).map(\.description).first
                == "H 1 has come off the rest")
        // The job's own structure is accepted as it is.
        #expect(reasons(Samples.request(torn)).isEmpty)
        #expect(
            reasons(
                Samples.request(clash) {
                    var lenient = GeometryCheck()
                    lenient.clashFraction = 0.1
                    $0.options.geometry = lenient
                }
            ).isEmpty)
    }
}

@Suite struct PackageCheckTests {
    @Test("A published package is accepted") func publishedPackage() throws {
        let scratch = try Scratch()
        let package = try HandoffPackage(Samples.request())
        let directory = try scratch.publish(package)
        #expect(try PackageCheck.verify(directory) == package.manifest)
        #expect(try HandoffExpectation(package: directory) == package.expectation)
    }

    @Test("An unknown package is refused") func unknownPackage() throws {
        let scratch = try Scratch()
        let package = try HandoffPackage(Samples.request())
        let directory = try scratch.publish(package)
        _ = try PackageCheck.verify(directory) { $0 == package.digest }
        #expect(throws: PackageRefusal.notPublished) {
            try PackageCheck.verify(directory) { _ in false }
        }
    }

    @Test("Changed, missing and incomplete files are detected") func changedPackage() throws {
        let scratch = try Scratch()
        let directory = try scratch.publish(try HandoffPackage(Samples.request()))
        try directory.replace("run.sh", Array("#!/bin/sh\nexit 0\n".utf8))
        #expect(throws: PackageRefusal.damaged("run.sh")) { try PackageCheck.verify(directory) }
        // Users may change a launcher, so the check of the inputs passes.
        _ = try PackageCheck.verify(directory, roles: [.input])
        try directory.remove("gpaw_relax.py")
        #expect(throws: PackageRefusal.missing("gpaw_relax.py")) {
            try PackageCheck.verify(directory, roles: [.input])
        }
        try directory.remove("MANIFEST.json")
        #expect(throws: PackageRefusal.incomplete) { try PackageCheck.verify(directory) }
    }

    @Test("Changed inputs with the old digest are detected") func changedInputs() throws {
        let scratch = try Scratch()
        let package = try HandoffPackage(Samples.request())
        let directory = try scratch.publish(package)
        let bytes = try #require(package.bytes("parameters.json")) + [10]
        var manifest = package.manifest
        let index = try #require(manifest.files.firstIndex { $0.name == "parameters.json" })
        manifest.files[index].sha256 = Digest(of: bytes)
        manifest.files[index].size = bytes.count
        try directory.replace("parameters.json", bytes)
        try directory.replace("MANIFEST.json", Array(try JSONEncoder().encode(manifest)))
        #expect(throws: PackageRefusal.damaged("MANIFEST.json")) { try PackageCheck.verify(directory) }
    }
}

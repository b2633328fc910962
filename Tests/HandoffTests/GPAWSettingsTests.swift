import Atomistics
import DurableFiles
import Foundation
import Handoff
import JobSpec
import OrderedCollections
import SystemPackage
import Testing

/// Tests that the settings under `gpaw:` in a job reach the package and the calculation.
@Suite struct GPAWSettingsTests {
    static let hydroxyl = Atoms(
        elements: [Element(atomicNumber: 8), .hydrogen].compactMap { $0 },
        positions: [[0, 0, 0], [0, 0, 0.98]])

    /// Returns the part `gpaw` of the package's `parameters.json`.
    private func written(_ package: HandoffPackage) throws -> [String: Any] {
        let bytes = try #require(package.bytes("parameters.json"))
        let all = try #require(JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
        return try #require(all["gpaw"] as? [String: Any])
    }

    @Test("a job without the block is calculated as in earlier versions")
    func withoutTheBlock() throws {
        let package = try HandoffPackage(Samples.request())
        let gpaw = try written(package)
        #expect(
            Set(gpaw.keys) == [
                "mode", "basis", "xc", "h", "cutoff", "vacuum", "smearing", "density_convergence",
                "max_scf_cycles",
            ])
        let readme = try #require(package.text("README.md"))
        #expect(readme.contains("`GPAW <version> PBE LCAO dzp h=0.2A FermiDirac 0.05eV non-periodic`"))
    }

    @Test("an odd number of electrons is spin-polarised, and the level of theory says so")
    func oddElectrons() throws {
        let package = try HandoffPackage(Samples.request(Self.hydroxyl))
        let spin = try #require(written(package)["spin"] as? [String: Any])
        #expect(spin["multiplicity"] as? Int == 2 && spin["assumed"] as? Bool == true)
        #expect(spin["fixed"] as? Bool == true && spin["moments"] as? [Double] == [0.5, 0.5])
        let readme = try #require(package.text("README.md"))
        #expect(readme.contains(" PBE LCAO dzp h=0.2A FermiDirac 0.05eV spin-polarised non-periodic`"))

        let anion = try HandoffPackage(Samples.request(Self.hydroxyl) { $0.charge = -1 })
        #expect(try written(anion)["spin"] == nil)
    }

    @Test("parameters.json has the settings under GPAW's names")
    func keywords() throws {
        var block = GPAWSettings()
        block.spin = .elementMoments(["O": 2])
        block.occupations = .init()
        block.occupations?.kind = .marzariVanderbilt
        block.nbands = "150%"
        block.setups = ["O": "6"]
        (block.symmetry, block.maxiter, block.dispersion) = (true, 77, .d4)
        let package = try HandoffPackage(
            Samples.request(Self.hydroxyl, settings: Samples.settings { $0.gpaw = block }))
        let gpaw = try written(package)
        let keywords = try #require(gpaw["keywords"] as? [String: Any])
        #expect(keywords["nbands"] as? String == "150%" && keywords["symmetry"] as? String == "on")
        #expect(keywords["setups"] as? [String: String] == ["O": "6"])
        let occupations = try #require(keywords["occupations"] as? [String: Any])
        #expect(
            occupations["name"] as? String == "marzari-vanderbilt" && occupations["width"] as? Double == 0.05)
        #expect(gpaw["max_scf_cycles"] as? Int == 77 && gpaw["dispersion"] as? String == "D4")
        #expect((gpaw["spin"] as? [String: Any])?["moments"] as? [Double] == [2, 0])
        #expect(
            gpaw["level"] as? String
                == " PBE-D4 LCAO dzp h=0.2A setups O.6 MarzariVanderbilt 0.05eV spin-polarised non-periodic")
    }
}

/// Real GPAW runs with settings under `gpaw:`. They are slow, so they run only on request.
@Suite(.enabled(if: Engines.runsSlowTests), .serialized) struct GPAWSettingsRunTests {
    private static func small(_ change: (inout DFTStage) -> Void = { _ in }) -> DFTStage {
        Samples.settings {
            ($0.basis, $0.h, $0.cutoff, $0.vacuum, $0.maxSteps) = ("sz(dzp)", 0.3, 200, 2.5, 0)
            change(&$0)
        }
    }

    private func run(
        _ atoms: Atoms, _ settings: DFTStage, ranks: Int = 1, name: String = "01-dft", in scratch: Scratch
    ) async throws -> (ReturnedResult, Directory) {
        let package = try HandoffPackage(Samples.request(atoms, settings: settings))
        let directory = try scratch.publish(package, as: .init(name) ?? "01-dft")
        _ = try await Engines.runner(ranks: ranks).run(directory)
        let files = try #require(try ReturnedFile.read(from: try directory.subdirectory("result")))
        return (try ReturnedResult(files, expecting: package.expectation), directory)
    }

    private func number(_ key: String, of result: ReturnedResult) throws -> Double {
        let final = try #require(result.final)
        return try #require(final.info[key]?.double)
    }

    @Test(
        "a radical is spin-polarised in every mode, on one rank and on two", arguments: DFTStage.Mode.allCases
    )
    func radical(mode: DFTStage.Mode) async throws {
        let scratch = try Scratch()
        var energies: [Double] = []
        for ranks in 1...2 {
            let (result, _) = try await run(
                GPAWSettingsTests.hydroxyl, Self.small { $0.mode = mode }, ranks: ranks,
                name: "0\(ranks)-dft",
                in: scratch)
            #expect(result.verdict == .stepLimit, "\(result.message)")
            #expect(result.ranks == ranks)
            #expect(abs(try number("magmom", of: result) - 1) < 0.01)
            #expect(try number("lumo", of: result) > number("homo", of: result) - 1e-6)
            guard case .reals(let dipole)? = result.final?.info["dipole"] else {
                Issue.record("no dipole")
                return
            }
            // The positive end of O–H is H, which points along z.
            #expect(dipole.count == 3 && dipole[2] > 0.1)
            #expect(try #require(result.levelOfTheory).hasSuffix("spin-polarised non-periodic"))
            #expect(result.notes.contains { $0.contains("spin-polarised, multiplicity 2") })
            energies += result.path.energies
        }
        #expect(abs(energies[0] - energies[1]) < 2e-3, "\(energies)")
    }

    @Test("the energy with D4 equals ASE's own sum of GPAW and DFTD4")
    func dispersion() async throws {
        let scratch = try Scratch()
        let (result, directory) = try await run(
            Samples.sulfide,
            Self.small {
                $0.gpaw = GPAWSettings()
                $0.gpaw?.dispersion = .d4
            }, in: scratch)
        #expect(try #require(result.levelOfTheory).contains(" PBE-D4 LCAO"), "\(result.message)")
        let script = """
            import sys, numpy as np
            sys.path.insert(0, '.')
            import json, gpaw_relax
            from ase.io import read
            from ase.calculators.mixing import SumCalculator
            from dftd4.ase import DFTD4
            from gpaw import GPAW
            parameters = json.load(open('parameters.json'))
            frame = read('initial.extxyz')
            engine = gpaw_relax.Engine(parameters, list(frame.symbols), frame.positions)
            atoms = engine.atoms
            atoms.calc = SumCalculator([GPAW(txt=None, **engine.keywords), DFTD4(method='PBE')])
            forces = atoms.get_forces()
            print(atoms.get_potential_energy(), np.abs(forces - read('result/final.extxyz').get_forces()).max())
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(Engines.python))
        process.arguments = ["-W", "ignore", "-c", script]
        process.currentDirectoryURL = URL(fileURLWithPath: directory.path.string)
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        let numbers = text.split(whereSeparator: \.isWhitespace).suffix(2).compactMap { Double($0) }
        try #require(numbers.count == 2, "\(text)")
        #expect(abs(try #require(result.path.energies.first) - numbers[0]) < 1e-6)
        #expect(numbers[1] < 1e-5)
        #expect(try number("dispersion_energy", of: result) < 0)
    }

    @Test("the reason of a failure is the missing basis set, on one rank and on two", arguments: [1, 2])
    func wrongBasis(ranks: Int) async throws {
        let scratch = try Scratch()
        let (result, _) = try await run(
            Samples.hydrogen, Self.small { $0.basis = "dzzp" }, ranks: ranks, in: scratch)
        #expect(result.verdict == .engineError)
        #expect(result.message.contains("H.dzzp.basis"), "\(result.message)")
    }

    @Test("GPAW tries the settings before the calculation")
    func settingsAreChecked() throws {
        let check = GPAWCheck(python: try #require(Engines.python))
        func said(_ change: (inout DFTStage) -> Void) throws -> [GPAWCheck.Problem] {
            try #require(try check.problems(of: Self.small(change), [.hydrogen, .carbon], .none, charge: 0))
        }
        #expect(try said { _ in } == [])
        let basis = try said { $0.basis = "dzzp" }
        #expect(basis.map(\.key) == ["basis", "basis"])
        #expect(basis.first?.message == "the basis set dzzp of H is not installed; installed for H: dzp")
        #expect(try said { $0.xc = "GGA_X_NONE" }.first?.key == "xc")
        let hybrid = try said { $0.xc = "PBE0" }
        #expect(
            hybrid.count == 1 && hybrid[0].message.contains("this version of GPAW does not support"),
            "\(hybrid)")
        #expect(
            try GPAWCheck(python: "/usr/bin/false").problems(of: DFTStage(), [.hydrogen], .none, charge: 0)
                == nil)
    }

    /// One rank writes the density; a restart on one or two ranks reads it.
    @Test("a restart begins with the density of the last step, on one rank and on two", arguments: [1, 2])
    func densityIsContinued(ranks: Int) async throws {
        let scratch = try Scratch()
        var errors: [Double] = []
        for isKept in [true, false] {
            let package = try HandoffPackage(
                Samples.request(
                    Samples.sulfide,
                    settings: Self.small {
                        ($0.basis, $0.maxSteps) = ("dzp", 1)
                        // The step is short, so the density is nearly that of the next geometry.
                        ($0.optimizer, $0.maxStep) = (.bfgs, 0.05)
                    }))
            let directory = try scratch.publish(package, as: isKept ? "01-kept" : "02-lost")
            // The run is stopped after the first geometry.
            let result = try directory.makeSubdirectory("result")
            let script = """
                import sys; sys.path.insert(0, '.')
                import gpaw_relax, relaxation
                relaxation.Relaxation.stop_reason = lambda self: 'stopped by a test'
                sys.exit(relaxation.main(gpaw_relax.Engine))
                """
            let process = Process()
            process.executableURL = URL(fileURLWithPath: try #require(Engines.python))
            process.arguments = ["-W", "ignore", "-c", script]
            process.currentDirectoryURL = URL(fileURLWithPath: directory.path.string)
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            #expect(process.terminationStatus == 6)
            #expect(try result.status(of: "density.gpw") != nil)
            if !isKept {
                try FileManager.default.removeItem(atPath: result.path.appending("density.gpw").string)
            }
            #expect(try await Engines.runner(ranks: ranks).run(directory) == .finished(.stepLimit))
            let log = String(decoding: try #require(try result.read("gpaw.txt")), as: UTF8.self)
            errors.append(try #require(Self.firstDensityErrors(log).last))
        }
        // With the density of the first geometry, the density of the second geometry changes less at first (values are
        // log₁₀).
        #expect(errors[0] < errors[1] - 0.3, "with the density and without: \(errors)")
    }

    /// Returns log₁₀ of the change of the density in the second cycle of each geometry, from GPAW's log.
    private static func firstDensityErrors(_ log: String) -> [Double] {
        log.split(separator: "\n").map { $0.drop { $0 == "|" } }.filter { $0.hasPrefix("iter:   2|") }
            .compactMap {
                let columns = $0.split(separator: "|", omittingEmptySubsequences: false)
                return columns.count > 4 ? Double(columns[4].filter { "-+.0123456789".contains($0) }) : nil
            }
    }
}

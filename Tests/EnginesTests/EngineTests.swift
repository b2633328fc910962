import Atomistics
import Engines
import Foundation
import Testing

@Suite("Engines")
struct EngineTests {
    private static let python = ProcessInfo.processInfo.environment["AURELAX_PYTHON"]

    private static let methanethiol = Atoms(
        elements: ["C", "S", "H", "H", "H", "H"].compactMap { Element(symbol: $0) },
        positions: [
            SIMD3(-0.05, 1.15, 0), SIMD3(-0.05, -0.66, 0), SIMD3(1.28, -0.86, 0), SIMD3(-1.09, 1.46, 0),
            SIMD3(0.43, 1.54, 0.89), SIMD3(0.43, 1.54, -0.89),
        ])

    /// Writes an `aurelax.yaml` into a separate folder.
    private func read(_ text: String) throws -> (engines: [EngineDescription]?, report: String) {
        let folder = URL(fileURLWithPath: NSTemporaryDirectory()).appendingPathComponent("aurelax-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appendingPathComponent("aurelax.yaml")
        try Data(text.utf8).write(to: file)
        return try EngineDescription.read(file.path)
    }

    private let xtb = """
        aurelax: 1
        engines:
          gfn1: {ase: "tblite.ase:TBLite", arguments: {method: GFN1-xTB, verbosity: 0}, threads: 1}
          gfn2: {ase: "tblite.ase:TBLite", arguments: {method: GFN2-xTB, verbosity: 0}, threads: 1}
          broken: {ase: "tblite.ase:NoSuchClass"}

        """

    @Test("a mistake is reported with its place")
    func problems() throws {
        let wrong = try read("aurelax: 1\nengines:\n  cp2k: {comand: [cp2k.psmp], kind: dft}\n")
        #expect(wrong.engines == nil)
        #expect(wrong.report.contains("aurelax.yaml:3:10: error: there is no key ‘comand’ here"))
        #expect(wrong.report.contains("did you mean ‘command’?"))
        let neither = try read("engines:\n  x: {kind: dft}\n")
        #expect(neither.report.contains("either ‘ase’ or ‘command’, but this one has neither"))
        let deaf = try read("engines:\n  x: {command: [cp2k.psmp]}\n")
        #expect(deaf.report.contains("does not receive a socket"))
    }

    @Test("paths are relative to the configuration's folder, arguments keep their types")
    func description() throws {
        let engines = try #require(
            try read(
                """
                engines:
                  mine: {ase: "mine.py:make", arguments: {a: 1, b: 0.5, c: [x, true], d: "1"}, python: bin/python}

                """
            ).engines)
        guard case .calculator(let target, let arguments) = try engines.named("mine").source else {
            Issue.record("not a calculator")
            return
        }
        #expect(target.hasPrefix("/") && target.hasSuffix("/mine.py:make"))
        #expect(
            engines[0].python?.hasSuffix("/bin/python") == true && engines[0].python?.hasPrefix("/") == true)
        #expect(arguments == #"{"a": 1, "b": 0.5, "c": ["x", true], "d": "1"}"#)
        #expect(throws: EngineError.unknown(name: "other", known: ["mine"])) { try engines.named("other") }
    }

    @Test("the forces of GFN1- and GFN2-xTB are the derivative of their energy", .enabled(if: python != nil))
    func derivatives() throws {
        let engines = try #require(try read(xtb).engines)
        var versions: Set<String> = []
        for name in ["gfn1", "gfn2"] {
            let engine = try EngineForceField(
                description: engines.named(name), charge: 0, python: Self.python ?? "python3")
            versions.insert(engine.provenance.version)
            #expect(engine.provenance.kind == "engine-semiempirical")
            #expect(engine.provenance.levelOfTheory.contains("tblite"))
            let middle = try engine.predict(Self.methanethiol)
            var (low, high) = (Self.methanethiol, Self.methanethiol)
            low.positions[0].y -= 1e-3
            high.positions[0].y += 1e-3
            let slope =
                try ((engine.predict(high).energy ?? .nan) - (engine.predict(low).energy ?? .nan)) / 2e-3
            #expect(abs(middle.forces[0].y + slope) < 1e-3)
        }
        #expect(versions.count == 2)
    }

    @Test("charge and multiplicity reach the calculator", .enabled(if: python != nil))
    func charge() throws {
        let gfn1 = try #require(try read(xtb).engines).named("gfn1")
        func energy(_ charge: Int, _ multiplicity: Int?) throws -> Double? {
            try EngineForceField(
                description: gfn1, charge: charge, multiplicity: multiplicity,
                python: Self.python ?? "python3"
            ).predict(Self.methanethiol).energy
        }
        let neutral = try #require(try energy(0, nil))
        let triplet = try #require(try energy(0, 3))
        let anion = try #require(try energy(-1, nil))
        #expect(triplet > neutral + 0.5)
        #expect(abs(anion - neutral) > 0.1)
    }

    @Test("an engine that cannot be created gives the reason", .enabled(if: python != nil))
    func notMade() throws {
        let broken = try #require(try read(xtb).engines).named("broken")
        do {
            _ = try EngineForceField(description: broken, charge: 0, python: Self.python ?? "python3")
            Issue.record("the engine was created")
        } catch EngineError.notStarted(let engine, let reason) {
            #expect(engine == "broken" && reason.contains("NoSuchClass"))
        }
    }

    @Test(
        "an engine that dies in an evaluation is named with its last lines, and is started again",
        .enabled(if: python != nil))
    func dies() throws {
        let engines = try #require(try read("engines:\n  mortal: {ase: \"mortal.py:Mortal\"}\n").engines)
        guard case .calculator(let target, _) = engines[0].source else { return }
        let script = """
            import os
            import numpy as np
            from ase.calculators.calculator import Calculator

            class Mortal(Calculator):
                implemented_properties = ['energy', 'forces']

                def calculate(self, atoms, properties, changes):
                    if atoms.positions[0, 0] > 5:
                        print('out of luck', flush=True)
                        os._exit(7)
                    if atoms.positions[0, 1] > 5:
                        atoms = atoms + atoms
                    energy = np.nan if atoms.positions[0, 2] > 5 else 1.0
                    self.results = {'energy': energy, 'forces': np.zeros((len(atoms), 3))}

            """
        try Data(script.utf8).write(to: URL(fileURLWithPath: String(target.dropLast(":Mortal".count))))
        let engine = try EngineForceField(
            description: engines[0], charge: 0, python: Self.python ?? "python3")
        func predict(_ place: SIMD3<Double>) throws -> Double? {
            try engine.predict(Atoms(elements: [.hydrogen], positions: [place])).energy
        }
        #expect(try predict(.zero) == 1)
        #expect(
            throws: EngineError.failed(
                engine: "mortal",
                reason: "the engine's process ended (exit status 7); its last lines: out of luck")
        ) { try predict(SIMD3(6, 0, 0)) }
        #expect(
            throws: EngineError.failed(
                engine: "mortal", reason: "the other end answered with 2 atoms, expected 1")
        ) { try predict(SIMD3(0, 6, 0)) }
        #expect(
            throws: EngineError.failed(
                engine: "mortal", reason: "the energy from the other end is not a finite number")
        ) { try predict(SIMD3(0, 0, 6)) }
        #expect(try predict(.zero) == 1)
    }
}

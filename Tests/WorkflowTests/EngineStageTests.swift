import Atomistics
import Foundation
import OrderedCollections
import Testing
import Workflow

/// ML stages with forces from an engine of the spool.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["AURELAX_PYTHON"] != nil)) struct EngineStageTests {
    static let python = ProcessInfo.processInfo.environment["AURELAX_PYTHON"]
    private let spool: TestSpool

    init() throws {
        spool = try TestSpool()
        try write("aurelax.yaml", engines)
        // The calculator has a bond of length 0.74 + 0.1·charge, Å. It writes a letter into a file at each evaluation,
        // and at one of them it fails as its arguments say.
        try write(
            "spring.py",
            """
            import os
            import time
            import numpy as np
            from ase.calculators.calculator import Calculator

            class Spring(Calculator):
                implemented_properties = ['energy', 'forces']

                def __init__(self, charge=0, fault=None, at=()):
                    super().__init__()
                    self.length, self.fault, self.at = 0.74 + 0.1 * charge, fault, at
                    self.record = os.path.join(os.path.dirname(os.path.abspath(__file__)), f'calls-{fault}')

                def calculate(self, atoms, properties, changes):
                    super().calculate(atoms, properties, changes)
                    with open(self.record, 'a') as file:
                        file.write('x')
                    happens = os.path.getsize(self.record) in self.at
                    bond = atoms.positions[1] - atoms.positions[0]
                    length = np.linalg.norm(bond)
                    if happens and self.fault == 'dies':
                        print('out of luck', flush=True)
                        os._exit(3)
                    if happens and self.fault == 'hangs':
                        time.sleep(600)
                    force = 30 * (length - self.length) * bond / length
                    if happens and self.fault == 'nan':
                        force *= np.nan
                    self.results = {'energy': 15 * (length - self.length) ** 2, 'forces': np.array([force, -force])}

            """)
        // This program connects to the socket itself.
        try write(
            "client.py",
            """
            import sys
            from ase.calculators.socketio import SocketClient
            from ase.io import read
            from spring import Spring
            structure, port, charge, fault = sys.argv[1:]
            atoms = read(structure)
            atoms.calc = Spring(int(charge), None if fault == 'None' else fault, [2])
            SocketClient(host='127.0.0.1', port=int(port)).run(atoms)

            """)
        // This program answers with something that is not a message of the protocol.
        try write(
            "noise.py",
            """
            import socket, sys, time
            peer = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
            peer.recv(12)
            peer.sendall(b'\\xff' * 4096)
            time.sleep(600)

            """)
    }

    private var engines: String {
        """
        aurelax: 1
        dft: {executor: local}
        engines:
          spring: {ase: "spring.py:Spring", charge: keywords}
          dies: {ase: "spring.py:Spring", charge: keywords, arguments: {fault: dies, at: [3]}}
          dead: {ase: "spring.py:Spring", charge: keywords, arguments: {fault: dies, at: [3, 4]}}
          hangs: {ase: "spring.py:Spring", charge: keywords, arguments: {fault: hangs, at: [3]}, timeout: 2}
          nan: {ase: "spring.py:Spring", charge: keywords, arguments: {fault: nan, at: [2, 3]}}
          noise: {command: ["\(Self.python ?? "")", "\(spool.path)/noise.py", "{port}"], kind: ml}
          outside: {ase: "spring.py:Spring", charge: keywords, kind: semiempirical}
          other: {ase: "spring.py:Spring", charge: none, kind: semiempirical}
          program: {command: \(client(fault: "None")), level_of_theory: a spring}
          breaks: {command: \(client(fault: "dies"))}

        """
    }

    private func client(fault: String) -> String {
        "[\"\(Self.python ?? "")\", \"\(spool.path)/client.py\", \"{structure}\", \"{port}\", \"{charge}\", \"\(fault)\"]"
    }

    private func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(spool.path)/\(name)"))
    }

    private func drop(_ engine: String) throws {
        try spool.drop("\(engine).xyz", hydrogen)
        try spool.drop(
            "\(engine).yaml",
            "aurelax: 1\nstructure: \(engine).xyz\ncharge: 1\nstages: [{ml: {engine: \(engine), fmax: 0.001}}]\n"
        )
    }

    private func work(program: String = "aurelax") async throws {
        var configuration = spool.configuration()
        configuration.program = program
        configuration.python = Self.python ?? "python3"
        try await Daemon(configuration, logger: TestSpool.quiet).run()
    }

    /// Repeats the passes of the engine's main loop until the condition is true, for at most some minutes.
    private func turn(_ engine: Engine, until condition: () -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(240)
        while !condition(), ContinuousClock.now < end {
            _ = try await engine.turn()
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func path(of job: String) throws -> [Atoms] {
        try ExtXYZ.read(path: spool.path + "/outbox/\(job)/01-ml/trajectory.extxyz")
    }

    private func calls(_ fault: String) -> Int { spool.text("calls-\(fault)")?.count ?? 0 }

    @Test("the engine's name, version, level and numbers are in every frame and in the summary")
    func engineStage() async throws {
        try drop("spring")
        try await work()
        let status = try spool.client.status(of: "spring")
        #expect(status.state == .completed, "\(status.reason)")
        let frames = try path(of: "spring")
        let last = try #require(frames.last)
        #expect(abs((last.positions[1] - last.positions[0]).length - 0.84) < 1e-4)
        for frame in frames {
            #expect(frame.info["model"] == .string("spring"))
            #expect(frame.info["model_version"] != nil && frame.info["model_level_of_theory"] != nil)
            #expect(frame.columns["ml_forces"] != nil && frame.forces == nil && frame.info["energy"] == nil)
        }
        #expect((last.info["ml_energy"]?.double ?? 1) < 1e-6)
        let summary = try #require(spool.text("outbox/spring/summary.yaml"))
        #expect(summary.contains("spring.py sha256:") && summary.contains("spring (engine-ml)"), "\(summary)")
        #expect(!summary.contains("\n    energy:") && summary.contains("\n    ml_energy:"), "\(summary)")
    }

    @Test("an engine that dies or hangs is started again, and the stage resumes from its last step")
    func resumed() async throws {
        for job in ["spring", "dies", "hangs"] { try drop(job) }
        try await work()
        let straight = try path(of: "spring")
        for job in ["dies", "hangs"] {
            #expect(try spool.state(of: job) == .completed)
            #expect(try path(of: job).map(\.positions) == straight.map(\.positions))
            // Only the evaluation that failed is repeated after the error.
            #expect(calls(job) == calls("None") + 1)
            let summary = try #require(spool.text("outbox/\(job)/summary.yaml"))
            #expect(summary.contains("resumed at step 2 after the engine"), "\(summary)")
        }
    }

    @Test("if an engine fails twice at the same step, the job fails with the engine's last lines")
    func failed() async throws {
        for job in ["dead", "nan", "noise"] { try drop(job) }
        try await work()
        for (job, words) in [
            ("dead", ["exit status 3", "out of luck"]), ("nan", ["not a finite number"]),
            ("noise", ["is not a message"]),
        ] {
            let status = try spool.client.status(of: job)
            #expect(status.state == .failed)
            #expect(status.reason.contains("the engine ‘\(job)’ failed"), "\(status.reason)")
            for word in words { #expect(status.reason.contains(word), "\(status.reason)") }
        }
    }

    @Test("a job's engine has to be in aurelax.yaml, whose changes the running daemon follows")
    func followed() async throws {
        let engine = try spool.engine { $0.python = Self.python ?? "python3" }
        try drop("later")
        try await turn(engine) { spool.exists("outbox/rejected/later/diagnostics.txt") }
        let report = spool.text("outbox/rejected/later/diagnostics.txt") ?? "nothing was set aside"
        #expect(report.contains("this spool has no engine ‘later’"), "\(report)")
        try write("aurelax.yaml", engines + "  later: {ase: \"spring.py:Spring\", charge: keywords}\n")
        try drop("later")
        try await turn(engine) { (try? spool.state(of: "later")) == .completed }
        #expect(try spool.state(of: "later") == .completed)
        // A mistake in aurelax.yaml is reported, and the engines before it stay in use.
        try write("aurelax.yaml", "aurelax: 1\nengines: {later: {asw: x}}\n")
        await engine.noteTroubleOfEngines()
        try drop("spring")
        try await turn(engine) { (try? spool.state(of: "spring")) == .completed }
        #expect(try spool.state(of: "spring") == .completed)
    }

    @Test("a dft stage's package has the engine, a calculator or a program, and relaxes with it")
    func outside() async throws {
        for engine in ["outside", "program"] {
            try spool.drop("\(engine).xyz", hydrogen)
            try spool.drop(
                "\(engine).yaml",
                "aurelax: 1\nstructure: \(engine).xyz\ncharge: 1\nstages: [{dft: {engine: \(engine), fmax: 0.001}}]\n"
            )
        }
        try await work()
        for (engine, level) in [
            ("outside", "calculator.py sha256:"), ("program", "a spring, "),
        ] {
            let status = try spool.client.status(of: engine)
            #expect(status.state == .completed, "\(status.reason)")
            let package = try #require(spool.files("outbox/\(engine)").first { $0.hasPrefix("01-dft") })
            let frames = try ExtXYZ.read(
                path: "\(spool.path)/outbox/\(engine)/\(package)/result/trajectory.extxyz")
            let last = try #require(frames.last)
            #expect(abs((last.positions[1] - last.positions[0]).length - 0.84) < 1e-4)
            #expect(last.forces != nil)
            let summary = try #require(spool.text("outbox/\(engine)/summary.yaml"))
            #expect(summary.contains(level) && summary.contains("(engine \(engine))"), "\(summary)")
            let parameters = try #require(spool.text("outbox/\(engine)/\(package)/parameters.json"))
            #expect(parameters.contains(#""definition""#))
        }
    }

    @Test("the learning relaxation uses an engine of the spool, and another as its base")
    func learning() async throws {
        for (name, base) in [("based", "other"), ("baseless", "none")] {
            try spool.drop("\(name).xyz", hydrogen)
            try spool.drop(
                "\(name).yaml",
                "aurelax: 1\nstructure: \(name).xyz\ncharge: 1\nstages: "
                    + "[{dft: {engine: outside, optimizer: learning, base: \(base), fmax: 0.001}}]\n")
        }
        try await work(program: TestProgram.aurelax)
        for (name, base) in [("based", "other"), ("baseless", "none")] {
            let status = try spool.client.status(of: name)
            #expect(status.state == .completed, "\(status.reason)")
            let summary = try #require(spool.text("outbox/\(name)/summary.yaml"))
            #expect(
                summary.contains("optimizer: \"learning\"\n") && summary.contains("base: \"\(base)\"\n"),
                "\(summary)")
            let last = try #require(
                ExtXYZ.read(path: "\(spool.path)/outbox/\(name)/01-dft/result/final.extxyz").last)
            #expect(abs((last.positions[1] - last.positions[0]).length - 0.84) < 1e-4)
        }
    }

    @Test("an engine that dies in a package, and a model as the engine of a dft stage, are reported")
    func outsideFaults() async throws {
        for engine in ["breaks", "spring"] {
            try spool.drop("\(engine).xyz", hydrogen)
            try spool.drop(
                "\(engine).yaml",
                "aurelax: 1\nstructure: \(engine).xyz\nstages: [{dft: {engine: \(engine), fmax: 0.001}}]\n")
        }
        try await work()
        let status = try spool.client.status(of: "breaks")
        #expect(status.state == .failed)
        #expect(status.reason.contains("the program ended with status 3"), "\(status.reason)")
        let report = spool.text("outbox/rejected/spring/diagnostics.txt") ?? "nothing was set aside"
        #expect(report.contains("the engine ‘spring’ is a machine-learned model"), "\(report)")
    }

    @Test("mistakes are reported with their places") func mistakes() throws {
        let file = SpoolConfigurationFile(
            Array("aurelax: 1\nengines:\n  a: {ase: tblite, thread: 1}\n".utf8), file: "aurelax.yaml")
        #expect(file.configuration == nil)
        #expect(file.report.contains("3:12: error: ‘tblite’ does not name a calculator"), "\(file.report)")
        #expect(file.report.contains("did you mean ‘threads’?"), "\(file.report)")
    }
}

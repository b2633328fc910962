import ArgumentParser
import Atomistics
import DurableFiles
import Dynamics
import Foundation
import SystemPackage
import Workflow

struct MolecularDynamicsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "md",
        abstract: "Run molecular dynamics with a force field.",
        discussion: """
            Starts from the last structure of a file with velocities for --temperature. Without friction the run is in \
            the NVE ensemble; with --friction a Langevin thermostat changes its temperature to --final-temperature. \
            Frames are written to an extxyz file that ASE reads with their momenta; predictions are ml_forces and ml_energy, \
            never forces or energy. --resume continues such a file exactly as if the run had not been interrupted.

              aurelax md relaxed.extxyz -o nve.extxyz --steps 4000 --time-step 0.5
              aurelax md cluster.xyz -o heating.extxyz --friction 10 --temperature 100 --final-temperature 900 \
            --steps 12000 --time-step 1 --stop-fragments

            Ends with status 8 if it stopped before the last step.
            """)

    @Argument(help: "XYZ or extxyz file.", completion: .file())
    var input: String
    @Option(name: .shortAndLong, help: "extxyz file to write.")
    var output: String
    @OptionGroup var model: ModelOptions
    @OptionGroup var engine: EngineOptions
    @Option(help: "Number of steps.")
    var steps = DynamicsSettings().steps
    @Option(help: "Time between two steps, fs.")
    var timeStep = DynamicsSettings().timeStep
    @Option(help: "Temperature of the first velocities and of the thermostat at the start, K.")
    var temperature = DynamicsSettings().temperature
    @Option(help: "Temperature of the thermostat at the last step, K (default: --temperature).")
    var finalTemperature: Double?
    @Option(help: "Friction of the Langevin thermostat, 1/ps; 0 for NVE.")
    var friction = DynamicsSettings().friction
    @Option(help: "Seed of the random numbers.")
    var seed = DynamicsSettings().seed
    @Option(help: "Write every n-th step.")
    var every = 1
    @Flag(help: "Stop when a fragment separates from the structure.")
    var stopFragments = false
    @Option(help: "Stop when the expected error of a force exceeds this, eV/Å.")
    var stopError: Double?
    @Flag(help: "Continue the output of an interrupted run.")
    var resume = false
    @Flag(name: .shortAndLong, help: "No log on standard error.")
    var quiet = false

    func validate() throws {
        if let problem = settings.problem { throw ValidationError(problem) }
        if every < 1 { throw ValidationError("--every is \(every); it must be at least 1") }
        if let stopError, !(stopError > 0) { throw ValidationError("--stop-error must be above 0 eV/Å") }
        if finalTemperature != nil, friction == 0 {
            throw ValidationError("--final-temperature needs a thermostat: give --friction too")
        }
    }

    private var settings: DynamicsSettings {
        var settings = DynamicsSettings()
        (settings.steps, settings.timeStep, settings.friction) = (steps, timeStep, friction)
        (settings.temperature, settings.finalTemperature) = (temperature, finalTemperature ?? temperature)
        settings.seed = seed
        return settings
    }

    func run() throws {
        let initial = try lastFrame(of: input)
        let forceField = try engine.forceField(else: model, for: initial)
        let start = Digest(of: ExtXYZ.bytes(of: [initial])).hexadecimal
        let path = FilePath(FileManager.default.currentDirectoryPath).pushing(FilePath(output))
        guard let name = path.lastComponent else {
            throw CommandError(.usage, "\(output) is not the name of a file")
        }
        let folder = try Directory(path.removingLastComponent())
        let resumed = try resume ? frames(forceField, start) : (last: nil, length: 0)
        if !resume, try folder.status(of: name) != nil {
            throw CommandError(.failed, "\(output) exists: continue it with --resume, or choose another name")
        }
        let file = try AppendFile(name, in: folder, keeping: resumed.length)
        var run: MolecularDynamics
        if let last = resumed.last {
            run = MolecularDynamics(resuming: last, forceField: forceField, settings: settings)
            log("resumes after step \(last.step)")
        } else {
            run = try MolecularDynamics(initial, forceField: forceField, settings: settings)
            try file.append(ExtXYZ.bytes(of: [run.annotated(start: start)]))
        }
        if !quiet { log("    step     time/fs   T/K  E_pot/eV (model)  E_tot/eV (model)") }
        while !run.isFinished {
            try run.advance()
            let isWritten = run.isFinished || run.current.step.isMultiple(of: every)
            if isWritten {
                try file.append(ExtXYZ.bytes(of: [run.annotated(start: start)]))
                if run.current.step.isMultiple(of: max(every, 100)) {
                    try file.synchronize()
                    logLine(run)
                }
            }
            if isWritten || stopError != nil, let reason = reasonToStop(run, comparedWith: initial) {
                if !isWritten { try file.append(ExtXYZ.bytes(of: [run.annotated(start: start)])) }
                try file.synchronize()
                try file.close()
                printError("stopped after step \(run.current.step): \(reason)")
                throw ExitCode(ExitStatus.notConverged.rawValue)
            }
        }
        logLine(run)
        try file.synchronize()
        try file.close()
    }

    private func reasonToStop(_ run: MolecularDynamics, comparedWith initial: Atoms) -> String? {
        if let limit = stopError, let errors = run.current.prediction.uncertainty,
            let atom = errors.indices.max(by: { errors[$0] < errors[$1] }), errors[atom] > limit
        {
            return "the expected force error of \(run.current.atoms.elements[atom]) \(atom) is "
                + "\(String(format: "%.2f", errors[atom])) eV/Å, above \(limit) eV/Å"
        }
        guard stopFragments else { return nil }
        for case .fragment(let atoms) in GeometryCheck().problems(
            in: run.current.atoms, comparedWith: initial)
        {
            return GeometryProblem.fragment(atoms).description
        }
        return nil
    }

    /// Returns the last complete frame of an interrupted run, and the length of the file up to the end of
    /// that frame, bytes.
    private func frames(
        _ forceField: any ForceField, _ start: String
    ) throws -> (last: DynamicsFrame?, length: Int) {
        guard FileManager.default.fileExists(atPath: output) else { return (nil, 0) }
        let whole = try bytes(of: output)
        guard let end = whole.lastIndex(of: 10) else { return (nil, 0) }
        var reader = try ExtXYZReader(MemoryBytes(Array(whole[...end]), label: output))
        var result: (last: DynamicsFrame?, length: Int) = (nil, 0)
        while let atoms = try? reader.next() {
            guard
                let frame = DynamicsFrame(
                    atoms, by: forceField.provenance, settings: settings, start: start)
            else {
                throw CommandError(
                    .failed,
                    "\(output): frame \(reader.frame - 1) belongs to another run (other structure, model, "
                        + "temperature, time step, friction or seed); give the options of that run")
            }
            result = (frame, result.length + ExtXYZ.bytes(of: [atoms]).count)
        }
        return result
    }

    private func log(_ text: String) { if !quiet { printError(text) } }

    private func logLine(_ run: MolecularDynamics) {
        let (energy, kinetic) = (run.current.prediction.energy, run.current.kineticEnergy)
        log(
            String(
                format: "%8d %11.1f %5.0f %17.4f %17.4f", run.current.step,
                Double(run.current.step) * run.settings.timeStep, run.temperature, energy ?? .nan,
                energy.map { $0 + kinetic } ?? .nan))
    }
}

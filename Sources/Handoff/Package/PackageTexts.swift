import Atomistics
import DurableFiles
import JobSpec

/// Returns `submit.sbatch`, which contains only checked names, numbers and digests.
func batchScript(
    _ parameters: some CalculationParameters, atoms: Int, points: Int? = nil, inputs: Digest
) -> String {
    let (job, stage, attempt) = (parameters.job, parameters.stage, parameters.attempt)
    let array =
        points.map { "# As an array, one point per element: sbatch --array=1-\($0)%4 submit.sbatch\n" } ?? ""
    return """
        #!/bin/sh
        #SBATCH --job-name=aurelax-\(job)-\(stage)-\(attempt)
        #SBATCH --comment=aurelax:job=\(job),stage=\(stage),attempt=\(attempt),inputs=\(inputs.hexadecimal.prefix(16))
        #SBATCH --output=slurm-%j.log
        #SBATCH --open-mode=append
        #SBATCH --ntasks=\(suggestedRanks(parameters.engine, atoms: atoms))
        #SBATCH --cpus-per-task=1
        #SBATCH --time=24:00:00
        # Five minutes before the limit the run receives a signal and ends after its step; submit it again to
        # resume.
        #SBATCH --signal=B:USR1@300
        \(array)# Add the settings of your cluster: partition, account, memory, and below the modules with GPAW.

        cd "${SLURM_SUBMIT_DIR:-.}" || exit 8
        exec ./run.sh

        """
}

/// Returns the largest power of two, at most 64, that leaves at least six atoms to each process, because with fewer
/// atoms the processes would wait for each other.
private func suggestedRanks(_ engine: DFTStage.Engine, atoms: Int) -> Int {
    guard engine == .gpaw else { return 1 }
    var ranks = 1
    while ranks < 64, atoms / (2 * ranks) >= 6 { ranks *= 2 }
    return ranks
}

/// Returns `README.md` of a package of a relaxation, for the user who runs it.
func readme(_ parameters: HandoffParameters, _ atoms: Atoms) -> String {
    let level = parameters.levelOfTheory
    let optimizer = parameters.optimizer
    let fixed = parameters.fixedAtoms.count
    let partlyFixed = Set((parameters.fixedCoordinates ?? []).map { $0 / 3 }).count
    return readme(
        parameters,
        task: """
            Relax \(atoms.formula) (\(counted(atoms.count, "atom")), charge \(parameters.charge)) at
            `\(level.prefix)<version>\(level.suffix)` until all forces on moving atoms are below \
            \(optimizer.fmax) eV/Å, in at most \(counted(optimizer.maxSteps, "step"))\
            \(fixed == 0 ? "" : "; \(counted(fixed, "atom")) \(fixed == 1 ? "is" : "are") fixed")\
            \(partlyFixed == 0 ? "" : "; \(counted(partlyFixed, "atom")) \(partlyFixed == 1 ? "moves" : "move") along some axes only").
            """,
        commands: """
                ./run.sh                      # this machine
                AURELAX_RANKS=8 ./run.sh      # with 8 processes
                sbatch submit.sbatch          # Slurm, from this folder
            """,
        interruption: """
            An interrupted run, or one stopped with `touch result/STOP` or SIGTERM, resumes from its last step when it is run
            again. `result/progress.json` shows the progress.
            """,
        files: """
            | `trajectory.extxyz` | every geometry with energy (eV) and raw forces (eV/Å), in this package's frame of reference |
            | `final.extxyz`, `best.extxyz` | the final geometry, and the one of lowest energy if the relaxation did not converge |
            | `optimizer.log`\(parameters.engine == .gpaw ? ", `gpaw.txt`" : "") | logs |
            | `status.json` | verdict, steps, gradient calls, cycles, time, versions |
            """, exits: PackageExit.table(of: PackageExit.ofScripts))
}

/// Returns `README.md` of a package of single points.
func readme(_ parameters: SinglePointsParameters, _ atoms: Atoms) -> String {
    let level = parameters.levelOfTheory
    let count = parameters.points
    return readme(
        parameters,
        task: """
            Energy and forces of \(count) geometr\(count == 1 ? "y" : "ies") of \(atoms.formula) (\(atoms.count) atoms, \
            charge \(parameters.charge)) at
            `\(level.prefix)<version>\(level.suffix)`, without moving atoms, all in the same box.
            """,
        commands: """
                ./run.sh                                   # this machine, one point after the other
                AURELAX_RANKS=8 ./run.sh                   # with 8 processes
                AURELAX_POINT=3 ./run.sh                   # one point
                sbatch submit.sbatch                       # Slurm, from this folder, one point after the other
                sbatch --array=1-\(count)%4 submit.sbatch \
            \(String(repeating: " ", count: max(0, 12 - String(count).count)))# one point per element, four at a time
            """,
        interruption: """
            Several of these commands may run at the same time; no point is computed twice. If a run is interrupted, or
            stopped with `touch result/STOP` or SIGTERM, run it again to compute the missing points.
            `result/progress.json` shows how many are done.
            """,
        files: """
            | `trajectory.extxyz` | every geometry with its verdict, energy (eV) and raw forces (eV/Å) |
            | `points/` | the same, one file per point |
            | `status.json` | verdict, number of points, cycles, time, versions |
            """, exits: PackageExit.table(ofPoints: true, of: PackageExit.ofScripts))
}

/// Returns the README of a package from the texts of its kind and the parts that all READMEs share.
private func readme(
    _ parameters: some CalculationParameters, task: String, commands: String, interruption: String,
    files: String, exits: String
) -> String {
    """
    # \(parameters.job), stage \(parameters.stage), attempt \(parameters.attempt)

    \(task)
    \(parameters.caution)
    ## Run it

    The package needs \(parameters.needs), but not aurelax. Use one of:

    \(commands)

    `AURELAX_PYTHON` (default `python3`) and `AURELAX_MPIEXEC` (default `mpiexec`) name the programs. The settings
    are in `parameters.json`; to change them, change the job: a package whose inputs were changed is refused.

    \(interruption)

    ## The result

    The folder `result/`, beside this file, contains:

    | File | Content |
    |---|---|
    \(files)
    | `DONE.json` | written last: without it the result is incomplete |

    Copy `DONE.json` last when you return the result from another machine.

    How `run.sh` ends:

    \(exits)

    """
}

extension CalculationParameters {
    fileprivate var needs: String {
        switch engine {
        case .gpaw:
            "Python 3.9 or newer with ASE and GPAW (its PAW data sets included)"
                + (gpaw?.dispersion.map { " and dft\($0.lowercased())" } ?? "")
        case .tblite: "Python 3.9 or newer with ASE and tblite"
        case .spool(let name):
            "Python 3.9 or newer with ASE, and the engine ‘\(name)’ (\(definition?.program ?? "unknown"))"
        }
    }

    /// A line that warns of a semi-empirical method; empty for other methods.
    fileprivate var caution: String {
        if engine == .tblite { return "GFN1-xTB is a semi-empirical method, not DFT: every file says so.\n" }
        return definition?.kind == "semiempirical" ? "The engine is a semi-empirical method, not DFT.\n" : ""
    }
}
